"""Lookups of packets that are not known: every flow that one may find, and which packets find it.

A flow is found by the packets that match it and nothing before it. What comes before is the walk's business: here
flows come in the order in which they win, each with the condition that it matches.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.lookup import ABSENT, CONJ_ID, FlowTable, Held, Shelf, Values, held_flow

Found = tuple[Flow, Bool]
"""A flow, and which packets match it."""
ByPriority = dict[int, list[Found]]


@dataclass(frozen=True, slots=True)
class Choice:
    """A flow that packets use `when` it matches. Where `tied` holds another flow of the same priority matches too, so
    that it is not defined which of them is used."""

    flow: Flow
    when: Bool
    tied: Bool


class Spread:
    """One lookup in a table, of the packets that some numbers stand for; `plain` are numbers made of variables."""

    def __init__(self, table: FlowTable, values: Values, plain: Mapping[str, Number]) -> None:
        self.table = table
        self.values = values
        self.plain = plain
        self.cubes: dict[tuple[str, int, int], Bool] = {}
        self.unions: dict[tuple[int, ...], Bool] = {}
        self._others: ByPriority | None = None

    def choices(self) -> Iterator[Choice]:
        """Every flow that may be used, those first that win over others."""
        ordinary = self.by_priority(self.table.ordinary.shelves, {})
        clauses = self.by_priority(self.table.clauses.shelves, {})
        for priority in sorted(ordinary.keys() | clauses.keys(), reverse=True):
            yield from told_apart(ordinary.get(priority, ()))
            yield from told_apart(list(self.conjunctions(clauses.get(priority, ()))))

    # Conjunctions

    def conjunctions(self, found: Iterable[Found]) -> Iterator[Found]:
        """The flows that conjunctions of one priority lead to."""
        clauses: dict[tuple[int, int], dict[int, list[Found]]] = {}
        for one in found:
            for number, which, of in self.table.clauses_of(one[0]):
                clauses.setdefault((number, of), {}).setdefault(which, []).append(one)
        complete: dict[int, Bool] = {}
        for (number, of), met in clauses.items():
            if len(met) == of:
                held = bits.all_of(self.union(alike) for alike in met.values())
                complete[number] = bits.either(complete.get(number, False), held)
        for number in sorted(complete):
            yield from self.second(number, complete[number])

    def union(self, found: Sequence[Found]) -> Bool:
        """Packets that match one of some flows."""
        key = tuple(id(flow) for flow, _ in found)
        if key not in self.unions:
            self.unions[key] = bits.any_of(when for _, when in found)
        return self.unions[key]

    def second(self, conjunction: int, rest: Bool) -> Iterator[Found]:
        """What packets of a conjunction find in their second lookup."""
        shelves = self.table.ordinary.shelves
        mine = self.by_priority([s for s in shelves if CONJ_ID in s.names], {CONJ_ID: conjunction})
        others = self.others()
        for priority in sorted(mine.keys() | others.keys(), reverse=True):
            if rest is False:
                return
            together = [*mine.get(priority, ()), *others.get(priority, ())]
            yield from ((flow, both) for flow, when in together if (both := bits.both(rest, when)) is not False)
            rest = bits.without(rest, bits.any_of(when for _, when in together))

    def others(self) -> ByPriority:
        """Ordinary flows that do not care for conjunctions."""
        if self._others is None:
            self._others = self.by_priority([s for s in self.table.ordinary.shelves if CONJ_ID not in s.names], {})
        return self._others

    # Matching

    def by_priority(self, shelves: Iterable[Shelf], changed: Mapping[str, Number]) -> ByPriority:
        found: ByPriority = {}
        values = {**self.values, **changed} if changed else self.values
        for shelf in shelves:
            for flows, when in self.on(shelf, values):
                for priority, held in flows.items():
                    found.setdefault(priority, []).append((held_flow(held), when))
        return found

    def on(self, shelf: Shelf, values: Values) -> Iterator[tuple[Mapping[int, Held], Bool]]:
        """Flows of a shelf, and which packets match them. Fields that are known are looked up, the others compared."""
        if any(values.get(name) is ABSENT for name in shelf.names):
            return
        numbers = [bits.masked(values.get(name, 0), mask) for name, mask in shelf.bits]
        known = tuple(i for i, n in enumerate(numbers) if isinstance(n, int))
        rows = shelf.rows(known).get(tuple(n for n in numbers if isinstance(n, int)), ())
        open_fields = [i for i in range(len(numbers)) if i not in known]
        hard = [i for i in open_fields if values.get(shelf.bits[i][0]) is not self.plain.get(shelf.bits[i][0])]
        easy = [i for i in open_fields if i not in hard]
        for group, when in self.compared(rows, hard, numbers, True):
            for row in group:
                yield row[-1], bits.all_of([*(self.cube(*shelf.bits[i], row[i], numbers[i]) for i in easy), when])

    def cube(self, name: str, mask: int, value: int, number: Number) -> Bool:
        """Packets with one value in a field that is made of variables."""
        key = (name, mask, value)
        if key not in self.cubes:
            self.cubes[key] = bits.equal_masked(number, value, mask)
        return self.cubes[key]

    def compared(
        self, rows: Sequence[Any], fields: Sequence[int], numbers: Sequence[Number], when: Bool
    ) -> Iterator[tuple[Sequence[Any], Bool]]:
        """Rows by their values in some fields, each with the packets that have these."""
        if not fields or not rows:
            yield rows, when
            return
        first, *others = fields
        number = numbers[first]
        assert not isinstance(number, int)
        ordered = sorted((row for row in rows if row[first] >> len(number) == 0), key=lambda row: row[first])
        for group, here in branched(ordered, [row[first] for row in ordered], number, len(number), when):
            yield from self.compared(group, others, numbers, here)


def branched(
    rows: Sequence[Any], values: Sequence[int], number: bits.Bits, left: int, when: Bool
) -> Iterator[tuple[Sequence[Any], Bool]]:
    """Rows in the order of their values, by these; from the highest bit on, what no packet has is left out at once."""
    while left:
        if not rows or when is False:
            return
        left -= 1
        bit = number[left]
        split = bisect_left(values, ((values[0] >> left + 1 << 1) | 1) << left)
        if 0 < split < len(rows):
            yield from branched(rows[:split], values[:split], number, left, bits.without(when, bit))
            rows, values, when = rows[split:], values[split:], bits.both(when, bit)
        else:
            when = bits.without(when, bit) if split else bits.both(when, bit)
    if rows and when is not False:
        yield rows, when


def told_apart(found: Sequence[Found]) -> list[Choice]:
    """Flows of one priority; where several match they are asked about in an order that does not depend on the dump."""
    choices = _in_order(found)
    if any(choice.tied is not False for choice in choices):
        return _in_order(sorted(found, key=lambda one: (one[0].match, one[0].doing)))
    return choices


def _in_order(found: Iterable[Found]) -> list[Choice]:
    """Of flows that do the same only the first counts."""
    first: list[Found] = []
    by_actions: dict[object, Bool] = {}
    for flow, when in found:
        before = by_actions.get(flow.syntax.actions, False)
        by_actions[flow.syntax.actions] = bits.either(before, when)
        if (mine := bits.without(when, before)) is not False:
            first.append((flow, mine))
    later: Bool = False
    choices: list[Choice] = []
    for flow, when in reversed(first):
        choices.append(Choice(flow, when, bits.both(when, later)))
        later = bits.either(later, when)
    return choices[::-1]
