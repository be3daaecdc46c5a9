"""Two flows of the same priority match the same packet and do different things.

Why: which of them a switch uses is not defined (ovs-ofctl(8), "Flow Syntax"). It may change with every flow that is
added, so that a packet is let through today and dropped tomorrow.

Fix: give one of them another priority, or make their matches exclude each other.

Sure: certain in the first table, and where they ask for different things of the packet itself: the packet named matches
both, and no flow of a higher priority. A note where they differ in what earlier tables wrote (registers, metadata,
connection states): whether both can be at once is not followed. Flows with the same actions are left alone.

Example:

    table=0,priority=100,ip,nw_src=10.0.0.0/24 actions=goto_table:1
    # here
    table=0,priority=100,ip,nw_dst=10.0.1.0/24 actions=drop
    table=0,priority=0 actions=NORMAL
    table=1,priority=0 actions=NORMAL
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, islice

from ruleparse.lint.cubes import Cube, hole
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.flows import WRITTEN, Flows, Placed

Shelf = dict[int, list[Placed]]
"""Flows that look at the same bits, by the values of these."""
_PAIRS = 100_000
"""Flows of one priority that are compared, two by two."""
_MOST = 10
"""Findings in one table."""


def find(flows: Flows) -> Iterator[Finding]:
    for table in flows.tables:
        found = _conflicts(flows, table)
        yield from (finding for finding, _ in zip(found, range(_MOST), strict=False))


def _conflicts(flows: Flows, table: str) -> Iterator[Finding]:
    ordinary = flows.ordinary(table)
    by_priority: dict[int, list[Placed]] = {}
    for placed in ordinary:
        by_priority.setdefault(placed.priority, []).append(placed)
    for priority, same in by_priority.items():
        told: set[Placed] = set()
        above = [placed.cube for placed in ordinary if placed.priority > priority]
        for one, other in islice(overlapping(same), _PAIRS):
            first, second = sorted((one, other), key=lambda placed: placed.span.start)
            if second in told or first.does == second.does:
                continue
            try:
                witness = hole(first.cube.both(second.cube), [*above, *flows.impossible])
            except MemoryError:
                continue
            if witness is not None:
                told.add(second)
                yield _finding(flows, table, first, second, witness)


def _finding(flows: Flows, table: str, first: Placed, second: Placed, witness: Cube) -> Finding:
    packet = flows.layout.words(witness)
    message = f"this flow of table {table} and another of priority {first.priority} match {packet}"
    found = error(f"{message}, and do different things", second.span, Related(first.span, "matches it, too"))
    certain = table == flows.start or not flows.layout.differ(first.cube, second.cube) & WRITTEN
    return found if certain else replace(found, severity="note")


def overlapping(same: list[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Every two of some flows that match a packet together."""
    shelves: dict[int, Shelf] = {}
    for placed in same:
        shelves.setdefault(placed.cube.mask, {}).setdefault(placed.cube.value, []).append(placed)
    for shelf in shelves.values():
        for twice in shelf.values():
            yield from combinations(twice, 2)
    for mask, other_mask in combinations(shelves, 2):
        yield from _joined(shelves[mask], shelves[other_mask], mask & other_mask)


def _joined(shelf: Shelf, other: Shelf, common: int) -> Iterator[tuple[Placed, Placed]]:
    """Flows of two shelves that have the same of what both look at."""
    by_common: dict[int, list[Placed]] = {}
    for value, flows in shelf.items():
        by_common.setdefault(value & common, []).extend(flows)
    for value, flows in other.items():
        for placed in by_common.get(value & common, ()):
            yield from ((placed, another) for another in flows)


RULE = LintRule("flow-conflict", "warning", in_bridge=find)
