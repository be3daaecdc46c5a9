from __future__ import annotations

from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests, ask
from ruleparse.netfilter.ipset import contains
from ruleparse.netfilter.values import joined, whole
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Key, Test, World

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
    return context.asks(f"the packet ({','.join(value.directions)}) is in set {value.name}", "ipset save")


def changes(name: str, context: Context) -> bool:
    """Whether rules change a set, or one that is a member of it."""
    changing = context.facts.changing
    if not changing or name in changing:
        return bool(changing)
    found = (context.facts.sets or {}).get(name)
    return found is not None and found.type == "list:set" and any(m.text in changing for m in found.members())


def _tests(givens: Givens, context: Context) -> Tests:
    value: InSet = givens.get("--match-set")
    sets, question = context.facts.sets, unsaved_set(value, context)
    unchanged = context.asks(f"set {value.name}, which rules change, still holds what was saved", "ipset save")
    wants_nomatch = givens.has("--return-nomatch")

    def means(_: object, packet: Packet, world: World) -> Bool:
        if sets is None or value.name not in sets:
            return world.ask(question, about=joined(packet, _fields(value.directions)))
        found = contains(sets[value.name], value.directions, context.family, packet, world, sets)
        saved = found.nomatch if wants_nomatch else found.matched
        if not changes(value.name, context):
            return saved
        return bits.pick(
            world.ask(unchanged), saved, world.ask(question, about=joined(packet, _fields(value.directions)))
        )

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
