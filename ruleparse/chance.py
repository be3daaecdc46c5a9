"""Comparing fates that chance decides: two nodes do the same to a packet if every fate is equally likely on both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.evaluate import End
from ruleparse.packet import Packet, Point
from ruleparse.whole import likelihood

MOST_CLASSES = 2_000
"""Classes of packets, by what chance makes of them, that are compared one by one."""

_DIGITS = 8
"""of a probability; dumps print it with eleven, and the kernel keeps 31 bits of it"""


@dataclass(frozen=True, slots=True)
class _Fate:
    """`values` are those of the fields compared: whether it changed, and if so, its bits, each known or one of a number
    that the system makes up; there are none where a packet gets nowhere.
    """

    verdict: str
    detail: str | None
    values: tuple[tuple[Bool, ...], ...]


class Alike:
    """Compares how two walks end, packet by packet.

    `unequal` says where each compared field ends up unequal, if the random choices of both walks turn out the same.
    """

    def __init__(self, packet: Packet, sides: Sequence[Sequence[End]], unequal: Mapping[str, Bool]) -> None:
        self.packet = packet
        self.unknowns = packet.unknowns
        self.sides = sides
        self.unequal = unequal
        self.by_chance: dict[str, Bool] = {}

    def not_alike(self, candidates: Bool) -> Bool:
        """The part of a region of packets whose fates differ in what they are or in how likely they are.

        Raises MemoryError where there are too many kinds of packets.
        """
        rest = bits.exists(candidates, self.unknowns.chances)
        if not self.unknowns.chances or rest is False:
            return rest
        sides = [
            [end for end in self.whatever_is_made_up(side) if bits.both(end.when, rest) is not False]
            for side in self.sides
        ]
        self.by_chance = {name: self.chance_decides(name, sides, rest) for name in self.unequal}
        differ: Bool = False
        for _ in range(MOST_CLASSES):
            if rest is False:
                return differ
            one = _Kind(self.packet, self.unknowns.witness(rest), tuple(self.unequal))
            told = [one.likelihoods(ends) for ends in sides]
            kind = bits.both(rest, self.of_the_kind(one, sides, told))
            if told[0] != told[1]:
                differ = bits.either(differ, kind)
            rest = bits.without(rest, kind)
        raise MemoryError

    def whatever_is_made_up(self, ends: Sequence[End]) -> Iterator[End]:
        """Ends that say nothing of what numbers are made up, but in what becomes of fields."""
        return (replace(end, when=self.unknowns.whatever_is_made_up(end.when)) for end in ends)

    def chance_decides(self, name: str, sides: Sequence[Sequence[End]], within: Bool) -> Bool:
        """Packets of whom a field ends up with several values, by chance."""
        chances = self.unknowns.chances
        varying = (
            bits.both(bits.exists(bits.both(end.when, b), chances), bits.exists(bits.without(end.when, b), chances))
            for ends in sides
            for end in ends
            for b in _bits(end, name)
        )
        return bits.any_of(bits.both(within, self.unknowns.whatever_is_made_up(v)) for v in varying)

    def of_the_kind(self, one: _Kind, sides: Sequence[Sequence[End]], told: Sequence[Mapping[_Fate, float]]) -> Bool:
        """Packets for whom chance decides between the same ends, with the same values where values differ."""
        same: Bool = True
        for ends in sides:
            for end in ends:
                same = bits.both(same, one.always_as_here(True, end.when))
        for index, name in enumerate(self.unequal):
            values = {fate.values[index] for fates in told for fate in fates if fate.values}
            if len(values) < 2:
                same = bits.without(same, bits.either(self.by_chance[name], self.unequal[name]))
                continue
            for ends in sides:
                for end in ends:
                    changed = changed_in(name, end, self.packet)
                    within = bits.both(end.when, changed)
                    held = (one.always_as_here(within, b) for b in _bits(end, name))
                    same = bits.all_of([same, one.always_as_here(end.when, changed), *held])
        return same


class _Kind:
    """One packet, with answers to what is open, and what chance may make of it."""

    def __init__(self, packet: Packet, point: Point, names: Sequence[str]) -> None:
        self.packet = packet
        self.unknowns = unknowns = packet.unknowns
        self.names = names
        self.here = bits.both(unknowns.at(point), unknowns.answered(point))
        self.settled = [*unknowns.of_packets, *unknowns.settled]
        self.left = [*unknowns.chances, *unknowns.made_up]

    def at(self, f: Bool) -> Bool:
        """What chance and made-up numbers still decide."""
        return bits.exists(bits.both(f, self.here), self.settled)

    def always_as_here(self, when: Bool, f: Bool) -> Bool:
        """Packets for whom `f` (where `when` holds) is decided as it is here."""
        return bits.always(bits.negate(bits.both(when, bits.differ(f, self.at(f)))), self.left)

    def likelihoods(self, ends: Sequence[End]) -> dict[_Fate, float]:
        """How likely each fate is."""
        found: dict[_Fate, Bool] = {}
        for end in ends:
            rest = self.at(end.when)
            while rest is not False:
                token, part = self.fate(end, rest)
                found[token] = bits.either(found.get(token, False), part)
                rest = bits.without(rest, part)
        return {token: round(likelihood(choices, self.unknowns), _DIGITS) for token, choices in found.items()}

    def fate(self, end: End, rest: Bool) -> tuple[_Fate, Bool]:
        """One fate among `rest` of the choices, and all choices that lead to it."""
        chosen = self.unknowns.chosen_at(self.unknowns.witness(rest))
        values: list[tuple[Bool, ...]] = []
        for name in self.names if end.stop.verdict == "accept" else ():
            changed = [self.at(changed_in(name, end, self.packet))]
            if bits.both(changed[0], chosen) is not False:
                changed += map(self.at, _bits(end, name))
            value = tuple(bits.exists(bits.both(b, chosen), self.unknowns.chances) for b in changed)
            alike = (bits.negate(bits.differ(b, now)) for b, now in zip(changed, value, strict=True))
            rest = bits.all_of([rest, *(bits.always(b, self.unknowns.made_up) for b in alike)])
            values.append(value)
        return _Fate(end.stop.verdict, end.stop.detail, tuple(values)), rest


def changed_in(name: str, end: End, start: Packet) -> Bool:
    """Where a field of an accepted packet has another value at the end than at the start."""
    if not start.given(name) and not end.packet.given(name) and name in start.unknowns.fields:
        return False
    own, now = (p[name] if p.given(name) or name in p.unknowns.fields else 0 for p in (start, end.packet))
    differ = (bits.differ(bits.bit(own, i), bits.bit(now, i)) for i in range(max(bits.width(own), bits.width(now))))
    return bits.any_of(start.unknowns.whatever_is_made_up(b) for b in differ)


def _bits(end: End, name: str) -> Iterator[Bool]:
    n = end.packet[name] if end.packet.given(name) else 0
    return (bits.bit(n, i) for i in range(bits.width(n))) if end.stop.verdict == "accept" else iter(())
