"""Comparing fates that chance decides: two nodes do the same to a packet if every fate is equally likely on both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from ruleparse import bits
from ruleparse.bits import Bool, Variables
from ruleparse.evaluate import End
from ruleparse.fates.whole import likelihood
from ruleparse.packet import Packet, Point, Unknowns

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


@dataclass(frozen=True, slots=True)
class _Ended:
    """How some packets ended: the bits of the fields compared, and where these have changed on the way."""

    verdict: str
    detail: str | None
    when: Bool
    values: Mapping[str, Sequence[Bool]]
    changed: Mapping[str, Bool]


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
        rest = bits.exists(candidates, self.unknowns.random)
        if not self.unknowns.random or rest is False:
            return rest
        sides = [list(self.narrowed(ends, rest)) for ends in self.sides]
        self.by_chance = {name: self.chance_decides(name, sides) for name in self.unequal}
        unequal = {name: bits.both(where, rest) for name, where in self.unequal.items()}
        differ: Bool = False
        for _ in range(MOST_CLASSES):
            if rest is False:
                return differ
            one = _Kind(self.unknowns, self.unknowns.witness(rest))
            told = [one.likelihoods(ends) for ends in sides]
            kind = bits.both(rest, self.of_the_kind(one, sides, told, unequal))
            if told[0] != told[1]:
                differ = bits.either(differ, kind)
            rest = bits.without(rest, kind)
        raise MemoryError

    def narrowed(self, ends: Sequence[End], within: Bool) -> Iterator[_Ended]:
        """Ends as far as they concern some packets; nothing is said of others, so that diagrams are small."""
        own = {name: _bits(self.packet, name, within) for name in self.unequal}
        for end in ends:
            when = self.unknowns.whatever_is_made_up(bits.both(end.when, within))
            if when is False:
                continue
            names = self.unequal if end.stop.verdict == "accept" else ()
            values = {name: _bits(end.packet, name, when) for name in names}
            changed = {name: self.changed(own[name], values[name], when) for name in names}
            yield _Ended(end.stop.verdict, end.stop.detail, when, values, changed)

    def changed(self, own: Sequence[Bool], now: Sequence[Bool], when: Bool) -> Bool:
        """Where a field ends up with another value than it started with."""
        differ = (bits.both(when, bits.differ(a, b)) for a, b in zip_longest(own, now, fillvalue=False))
        return bits.any_of(self.unknowns.whatever_is_made_up(b) for b in differ)

    def chance_decides(self, name: str, sides: Sequence[Sequence[_Ended]]) -> Bool:
        """Packets of whom a field ends up with several values, by chance."""
        chances = self.unknowns.random
        varying = (
            bits.both(bits.exists(bits.both(end.when, b), chances), bits.exists(bits.without(end.when, b), chances))
            for ends in sides
            for end in ends
            for b in end.values.get(name, ())
        )
        return bits.any_of(self.unknowns.whatever_is_made_up(v) for v in varying)

    def of_the_kind(
        self,
        one: _Kind,
        sides: Sequence[Sequence[_Ended]],
        told: Sequence[Mapping[_Fate, float]],
        unequal: Mapping[str, Bool],
    ) -> Bool:
        """Packets for whom chance decides between the same ends, with the same values where values differ."""
        every = [end for ends in sides for end in ends]
        same = bits.all_of(one.always_as_here(True, end.when) for end in every)
        for index, name in enumerate(self.unequal):
            values = {fate.values[index] for fates in told for fate in fates if fate.values}
            if len(values) < 2:
                same = bits.without(same, bits.either(self.by_chance[name], unequal[name]))
                continue
            for end in every:
                if name in end.changed:
                    same = bits.both(same, one.always_as_here(end.when, end.changed[name]))
                    within = bits.all_of([same, end.when, end.changed[name]])
                    same = bits.all_of([same, *(one.always_as_here(within, b) for b in end.values[name])])
        return same


class _Kind:
    """One packet, with answers to what is open, and what chance may make of it."""

    def __init__(self, unknowns: Unknowns, point: Point) -> None:
        self.unknowns = unknowns
        self.here = bits.both(unknowns.at(point), unknowns.answered(point))
        self.settled = Variables([*unknowns.of_packets, *unknowns.settled])
        self.left = Variables([*unknowns.random, *unknowns.made_up])

    def at(self, f: Bool) -> Bool:
        """What chance and made-up numbers still decide."""
        return f if isinstance(f, bool) else bits.exists(bits.both(f, self.here), self.settled)

    def always_as_here(self, when: Bool, f: Bool) -> Bool:
        """Packets for whom `f` (where `when` holds) is decided as it is here."""
        return bits.always(bits.negate(bits.both(when, bits.differ(f, self.at(f)))), self.left)

    def likelihoods(self, ends: Sequence[_Ended]) -> dict[_Fate, float]:
        """How likely each fate is."""
        found: dict[_Fate, Bool] = {}
        for end in ends:
            rest = self.at(end.when)
            while rest is not False:
                token, part = self.fate(end, rest)
                found[token] = bits.either(found.get(token, False), part)
                rest = bits.without(rest, part)
        return {token: round(likelihood(choices, self.unknowns), _DIGITS) for token, choices in found.items()}

    def fate(self, end: _Ended, rest: Bool) -> tuple[_Fate, Bool]:
        """One fate among `rest` of the choices, and all choices that lead to it."""
        chosen = self.unknowns.chosen_at(self.unknowns.witness(rest))
        values: list[tuple[Bool, ...]] = []
        for name, now in end.values.items():
            told = [self.at(end.changed[name])]
            if bits.both(told[0], chosen) is not False:
                told += map(self.at, now)
            value = [bits.exists(bits.both(b, chosen), self.unknowns.random) for b in told]
            alike = (bits.negate(bits.differ(b, v)) for b, v in zip(told, value, strict=True))
            rest = bits.all_of([rest, *(bits.always(b, self.unknowns.made_up) for b in alike)])
            values.append(_without_leading_zeros(value))
        return _Fate(end.verdict, end.detail, tuple(values)), rest


def _without_leading_zeros(value: list[Bool]) -> tuple[Bool, ...]:
    """Bits from the least significant on; behind the first, which says whether a field changed."""
    while len(value) > 1 and value[-1] is False:
        value.pop()
    return tuple(value)


def _bits(packet: Packet, name: str, within: Bool) -> list[Bool]:
    """The bits of a field, where a condition holds."""
    n = packet[name] if packet.given(name) or name in packet.unknowns.fields else 0
    return [bits.both(within, bits.bit(n, i)) for i in range(bits.width(n))]
