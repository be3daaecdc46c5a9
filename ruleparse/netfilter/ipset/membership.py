"""Whether a packet is in a set (net/netfilter/ipset/ip_set_core.c, ip_set_test)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.netfilter.ipset.dimensions import joined, read
from ruleparse.netfilter.ipset.index import NOT_IN, Membership
from ruleparse.netfilter.ipset.model import IpSet
from ruleparse.packet import Assumption, Packet, assumption


class Answers(Protocol):
    """Who answers what the dumps leave open: `program.World`."""

    def ask(self, question: Assumption, about: bits.Number | None = None) -> Bool:
        """The answer to a question, about a number if it has one."""


def contains(
    subject: IpSet, directions: Sequence[str], family: int, packet: Packet, world: Answers, sets: Mapping[str, IpSet]
) -> Membership:
    """Whether a packet of this family is in a set, asked with these directions (`src` or `dst`, one a dimension).

    `matched` is what a rule without `--return-nomatch` asks, `nomatch` what one with it asks: the same where a type
    of sets keeps no such members. Directions beyond the set's dimensions are ignored; with too few, no packet is ever
    in it. `sets` are those that a list:set may name.
    """
    if subject.type == "list:set":
        return _in_any(subject, directions, family, packet, world, sets)
    if len(directions) < len(subject.dimensions) or subject.family not in (None, family):
        return NOT_IN
    readings = [
        (*read(dimension, direction == "src", family, packet), dimension.width(family))
        for dimension, direction in zip(subject.dimensions, directions, strict=False)
    ]
    there = bits.all_of(valid for _, valid, _ in readings)
    if there is False:
        return NOT_IN
    number = joined([(n, width) for n, _, width in readings])
    matched, nomatch = subject.index.find(number) if subject.saved else NOT_IN
    if not subject.saved or subject.index.bad:
        packet_is = f"the packet ({','.join(directions)}) is"
        matched = bits.either(matched, bits.without(_ask(f"{packet_is} in set {subject.name}", world, number), nomatch))
        if subject.keeps_nomatch:
            kept = _ask(f"{packet_is} kept from set {subject.name} by nomatch", world, number)
            nomatch = bits.either(nomatch, bits.without(kept, matched))
    return Membership(bits.both(there, matched), bits.both(there, nomatch if subject.keeps_nomatch else matched))


def _ask(words: str, world: Answers, about: bits.Number | None = None) -> Bool:
    return world.ask(assumption(words, "ipset save"), about)


def _in_any(
    subject: IpSet, directions: Sequence[str], family: int, packet: Packet, world: Answers, sets: Mapping[str, IpSet]
) -> Membership:
    """A list of sets: a packet is in it if it is in one of them."""
    if not directions:
        return NOT_IN
    if not subject.saved:
        asked = _ask(f"the packet is in a set of the list {subject.name}", world)
        return Membership(asked, _ask(f"--return-nomatch finds it in list {subject.name}", world))
    found = list(_each(subject, directions, family, packet, world, sets))
    return Membership(bits.any_of(m.matched for m in found), bits.any_of(m.nomatch for m in found))


def _each(
    subject: IpSet, directions: Sequence[str], family: int, packet: Packet, world: Answers, sets: Mapping[str, IpSet]
) -> Iterator[Membership]:
    for name, _, _ in subject.elements():
        if name in sets:
            yield contains(sets[name], directions, family, packet, world, sets)
        else:
            asked = f"the packet ({','.join(directions)}) is in set {name}"
            yield Membership(_ask(asked, world), _ask(f"{asked} by nomatch", world))
