from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests, ask
from ruleparse.netfilter.ipset import IpSet, contains
from ruleparse.netfilter.values import joined, whole
from ruleparse.packet import Assumption, Packet
from ruleparse.program import FORGOTTEN, Key, Test, World

_COUNTERS = tuple(f"--{what}-{how}" for what in ("packets", "bytes") for how in ("eq", "lt", "gt"))
_MOST_DIRECTIONS = 6


@dataclass(frozen=True, slots=True)
class InSet:
    """A set and, for each of its dimensions, which side of the packet is looked up."""

    name: str
    directions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {','.join(self.directions)}"


def parse_in_set(name: str, directions: str) -> InSet:
    words = tuple(directions.split(","))
    if len(words) > _MOST_DIRECTIONS or not set(words) <= {"src", "dst"}:
        raise ValueError(f"{directions!r} is not a list of src and dst, of at most {_MOST_DIRECTIONS}")
    return InSet(name, words)


IN_SET = Codec("NAME src|dst[,src|dst…]", parse_in_set, str, words=2)


def _fields(directions: tuple[str, ...]) -> list[str]:
    """Fields that a lookup in a set of unknown type may depend on."""
    sides = {"src": ("src", "sport", "src_mac", "in"), "dst": ("dst", "dport", "dst_mac", "out")}
    wanted = [sides[way][0] for way in directions[:1]] + [field for way in directions[1:] for field in sides[way][:2]]
    return [*dict.fromkeys(wanted), *(["proto"] if len(directions) > 1 else [])]


def unsaved_set(value: InSet, context: Context) -> Assumption:
    return context.asks(f"the packet ({','.join(value.directions)}) is in set {value.name}", "ipset save", lasting=True)


def bits_of(name: str, context: Context) -> int:
    """The bits of `sets_changed` that stand for a set and, if it is a list, for its members."""
    changing = context.facts.changing
    if not changing:
        return 0
    found = (context.facts.sets or {}).get(name)
    members = [m.text for m in found.members()] if found is not None and found.type == "list:set" else []
    return sum(1 << index for index, one in enumerate(sorted(changing)[:_BITS]) if one in (name, *members))


_BITS = 256


def with_changes(saved: Mapping[str, IpSet], memory: Mapping[Hashable, Any] | None) -> Mapping[str, IpSet]:
    """The sets as rules have left them, where packets are remembered; without those that are not known any more."""
    changed = {name: memory[changes_of(name)] for name in saved if changes_of(name) in memory} if memory else {}
    return {name: s for name, s in {**saved, **changed}.items() if s is not FORGOTTEN} if changed else saved


def changes_of(name: str) -> Hashable:
    """What a set is remembered by that rules have changed."""
    return "set", name


def _tests(givens: Givens, context: Context) -> Tests:
    value: InSet = givens.get("--match-set")
    saved, question = context.facts.sets, unsaved_set(value, context)
    wants_nomatch = givens.has("--return-nomatch")

    def means(_: object, packet: Packet, world: World) -> Bool:
        def asked() -> Bool:
            return world.ask(question, about=joined(packet, _fields(value.directions)))

        sets = None if saved is None else with_changes(saved, world.memory)
        if world.memory is not None and world.memory.get(changes_of(value.name)) is FORGOTTEN:
            return world.ask(question, about=world.way)
        touched = world.memory is None and bits.any_bit(packet["sets_changed"], bits_of(value.name, context))
        if sets is None or value.name not in sets or touched is True:
            return asked()
        found = contains(sets[value.name], value.directions, context.family, packet, world, sets)
        answer = found.nomatch if wants_nomatch else found.matched
        return answer if touched is False else bits.pick(touched, asked(), answer)

    yield Test(Key(("set",), IN_SET, means, "in set {}"), value, givens.negated("--match-set"))
    for given in givens:
        if given.name in _COUNTERS:
            words = f"the counters of {value} fit {given.name} {given.value}"
            yield ask(context.asks(words, f"ipset list {value.name}"), given.negated)


MATCH = Match(
    "set",
    """Whether addresses, ports or interfaces of the packet are in an ipset. A set that was not saved is an assumption,
    as are its counters (iptables-extensions(8); net/netfilter/xt_set.c).""",
    (
        Option(("--match-set", "--set"), IN_SET),
        Option(("--return-nomatch",)),
        Option(("--update-counters",)),
        Option(("--update-subcounters",)),
        *(Option((name,), whole(64)) for name in _COUNTERS),
    ),
    tests=_tests,
)
