"""From one symbolic walk to its outcomes: each fate once, when it comes about, and a concrete walk that shows it.

An outcome's region is found by a witness: pick a packet that ends a certain way, walk it with every question answered,
and take all packets that end there with the same rewrites. The walk of the witness is what explains the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.evaluate import End, Hit, walk
from ruleparse.packet import FIELDS, Assumption, Packet, Point
from ruleparse.program import Program

LIMIT = 400
"""Outcomes that are told apart; more are counted together."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fate. `packet` holds fields as they were at the end, None where they vary within the outcome.

    `region` says for which values of the unknown fields (after `assumptions`); `probability` is that of the random
    choices taken.
    """

    end: End
    packet: Mapping[str, int | None]
    region: Bool
    assumptions: tuple[tuple[Assumption, bool], ...]
    probability: float
    hits: tuple[Hit, ...]


@dataclass(slots=True)
class Explored:
    """Every outcome of a packet. `complete` is False if there were more than LIMIT."""

    outcomes: list[Outcome] = field(default_factory=list)
    complete: bool = True


KEYS = ("decided", "route_out", "dst_nat_rule", "src_nat_rule")
"""Fields by which fates differ even when the verdict is the same."""

_REPORTED = ("src", "dst", "proto", "sport", "dport", "icmp_type", "icmp_code", "ttl", "tos", "mark", "ct_mark", "priority")
"""Fields of the packet that an answer shows."""


def explore(program: Program, entry: str, packet: Packet, reach: Bool = True) -> Explored:
    """Walk a packet, known or not, and tell its fates apart."""
    found = walk(program, entry, packet, None, reach)
    result = Explored()
    if len(found.ends) == 1 and found.ends[0].when is True:
        end = found.ends[0]
        hits = tuple(h for h in found.hits if h.when is True)
        if all(isinstance(end.packet[k], int) for k in KEYS):
            result.outcomes.append(Outcome(end, _shown(end.packet, True), True, (), 1.0, hits))
            return result
    _Splitter(program, entry, packet, result).split(found.ends)
    return result


class _Splitter:
    def __init__(self, program: Program, entry: str, packet: Packet, result: Explored) -> None:
        self.program = program
        self.entry = entry
        self.packet = packet
        self.unknowns = packet.unknowns
        self.result = result

    def split(self, ends: list[End]) -> None:
        for end in ends:
            rest = end.when
            while rest is not False:
                if len(self.result.outcomes) >= LIMIT:
                    self.result.complete = False
                    return
                rest = self.take(end, rest)

    def take(self, end: End, rest: Bool) -> Bool:
        """Add the outcomes around one witness of `rest`; what is left of it."""
        point = self.unknowns.witness(rest)
        concrete = Packet({**point.fields, **self.known(point)}, self.unknowns, self.packet.raw)
        shown = walk(self.program, self.entry, concrete, point.answers)
        hits = tuple(h for h in shown.hits if h.when is True)
        region = bits.both(rest, self.alike(end.packet, point.value))
        for given, odds, part in self.unknowns.by_answer(region):
            self.result.outcomes.append(Outcome(end, _shown(end.packet, region), part, given, odds, hits))
        return bits.without(rest, region)

    def known(self, point: Point) -> dict[str, Number]:
        return {name: point.value(n) for name, n in self.packet.values.items()}

    def alike(self, packet: Packet, value: Callable[[Number], int]) -> Bool:
        """Packets that end with the same rewrites as the witness."""
        same: Bool = True
        for name in (*KEYS, *(f for f in _REPORTED if self.settled_at_first(f))):
            n = packet[name] if packet.given(name) else 0
            same = bits.both(same, bits.equal_masked(n, value(n), -1))
        return same

    def settled_at_first(self, name: str) -> bool:
        return self.packet.given(name) and isinstance(self.packet[name], int)


def _shown(packet: Packet, region: Bool) -> dict[str, int | None]:
    names = (*KEYS, *_REPORTED)
    return {name: constant(packet[name], region) if packet.given(name) else None for name in names if name in FIELDS}


def constant(n: Number, region: Bool) -> int | None:
    """The one value that a number has in a region, None if it has several."""
    if isinstance(n, int):
        return n
    total = 0
    for index, b in enumerate(n):
        if bits.both(region, b) is False:
            continue
        if bits.without(region, b) is not False:
            return None
        total |= 1 << index
    return total


