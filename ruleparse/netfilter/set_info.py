"""What sets with `skbinfo` hold for packets, for `-j SET --map-set` (net/netfilter/xt_set.c)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ruleparse.bits import Bool
from ruleparse.codec import Codec, masked_number
from ruleparse.netfilter.extension import Context
from ruleparse.netfilter.ipset import IpSet, contains
from ruleparse.netfilter.ipset.model import entry_options
from ruleparse.netfilter.ipset.types import Dimension
from ruleparse.netfilter.matches.set import InSet, bits_of
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World

MOST = 32
"""Different contents of one set that are told apart."""


class Info(NamedTuple):
    """What a member holds: the mark with its mask, and the priority. Nothing said is a mask of 0 and priority 0."""

    mark: int
    mask: int
    priority: int


NOTHING = Info(0, 0, 0)


def parse_class(text: str) -> int:
    """`1:10`, both hexadecimal, as one number."""
    major, colon, minor = text.partition(":")
    try:
        numbers = int(major, 16), int(minor, 16)
    except ValueError:
        raise ValueError(f"{text!r} is not a class major:minor") from None
    if not colon or max(numbers) > 0xFFFF or min(numbers) < 0:
        raise ValueError(f"{text!r} is not a class major:minor")
    return numbers[0] << 16 | numbers[1]


def _info(options: Mapping[str, str]) -> Info:
    mark = masked_number(options["skbmark"]) if "skbmark" in options else (0, 0)
    return Info(*mark, parse_class(options["skbprio"]) if "skbprio" in options else 0)


def infos(value: InSet, context: Context) -> list[tuple[Test, Info]] | None:
    """For each content of a set the test that a packet meets it; None where the dumps do not tell."""
    found = (context.facts.sets or {}).get(value.name)
    if found is None or not found.saved or bits_of(value.name, context):
        return None
    if found.type == "list:set" or Dimension.MARK in found.dimensions:
        return None
    try:
        contents = {_info(entry_options(options)) for _, options, _ in found.elements() if "nomatch" not in options}
    except ValueError:
        return None
    return [(_meets(found, value, info, context), info) for info in sorted(contents)] if len(contents) <= MOST else None


@dataclass(eq=False)
class _Part(IpSet):
    """A set in which only members of one content count; the others end the search, as `nomatch` does."""

    info: Info = NOTHING

    def elements(self) -> Iterator[tuple[str, str, int]]:
        for element, options, at in super().elements():
            other = _info(entry_options(options)) != self.info
            yield element, f"{options} nomatch" if other else options, at


def _meets(found: IpSet, value: InSet, info: Info, context: Context) -> Test:
    part = _Part(found.name, found.type, found.options, found.span, True, found.stretches, info)
    sets = {found.name: part}

    def means(_: object, packet: Packet, world: World) -> Bool:
        return contains(part, value.directions, context.family, packet, world, sets).matched

    return Test(Key(("set",), Codec("set", str), means), value)
