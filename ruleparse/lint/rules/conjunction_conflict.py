"""Two conjunctions of the same priority hold for the same packet, and lead to different things.

Why: which of them a switch uses is not defined (ovs-fields(7)). Network policies of the same priority, one that allows
and one that drops, then depend on chance for the packets that both select.

Fix: give the policies different priorities.

Sure: certain: the packet named satisfies every clause of both, and no flow comes before them. What they do is compared
without their own numbers. Not all are compared where there are very many, or very many clauses.

Example:

    table=0,priority=200,ip,nw_src=10.0.0.5 actions=conjunction(7,1/2),conjunction(8,1/2)
    table=0,priority=200,tcp,tp_dst=80 actions=conjunction(7,2/2)
    table=0,priority=200,ip,nw_dst=10.0.1.0/24 actions=conjunction(8,2/2)
    table=0,priority=200,conj_id=7,ip actions=NORMAL
    # here
    table=0,priority=200,conj_id=8,ip actions=drop
    table=0,priority=0 actions=drop
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, islice, product

from ruleparse.cni.saved_flows import WHOLE
from ruleparse.lint.conjunctions import Conjunction, conjunctions
from ruleparse.lint.cubes import Cube, hole
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.flows import Flows

_PAIRS = 5_000
"""Conjunctions of one table that are compared, two by two."""
_STEPS = 20_000
"""Clauses that are looked at for one pair."""


def find(flows: Flows) -> Iterator[Finding]:
    for table in flows.tables:
        for priority, one, other in islice(_pairs(flows, table), _PAIRS):
            packet = _common(flows, priority, one, other)
            if packet is not None:
                yield _finding(flows, one, other, packet)


def _pairs(flows: Flows, table: str) -> Iterator[tuple[int, Conjunction, Conjunction]]:
    """Every two conjunctions of a priority that lead to different things, the one with the lower number first."""
    by_priority: dict[int, dict[str, list[Conjunction]]] = {}
    for conjunction in conjunctions(flows, table):
        for priority, _ in conjunction.complete() if conjunction.answers else ():
            by_priority.setdefault(priority, {}).setdefault(_outcome(conjunction), []).append(conjunction)
    for priority, by_outcome in by_priority.items():
        for some, others in combinations(by_outcome.values(), 2):
            for one, other in product(some, others):
                yield (priority, one, other) if one.number < other.number else (priority, other, one)


def _finding(flows: Flows, one: Conjunction, other: Conjunction, packet: Cube) -> Finding:
    words = f"conjunctions {one.number} and {other.number} of table {one.table} have the same priority"
    message = f"{words}, both hold for {flows.layout.words(packet)}, and lead to different things"
    related = Related(one.answers[0].span, f"what conjunction {one.number} leads to")
    return error(message, other.answers[0].span, related)


def _outcome(conjunction: Conjunction) -> str:
    """What it leads to, its own number left out wherever it stands."""
    written = rf"(load|set_field):0x0*{conjunction.number:x}(?:0{{8}})?(?=[-/])"
    return re.sub(written, r"\1:#", conjunction.answers[0].does)


def _common(flows: Flows, priority: int, one: Conjunction, other: Conjunction) -> Cube | None:
    """Packets that satisfy both and find no other flow before."""
    above = [placed.cube for placed in flows.ordinary(one.table) if placed.priority >= priority]
    dimensions = [d for c in (one, other) for d in _dimensions(c, priority)]
    first_lookup = flows.layout.bits("conj_id", 0, WHOLE)
    pending, steps = [(first_lookup, dimensions)], 0
    while pending:
        cube, left = pending.pop()
        if not left:
            try:
                found = hole(cube, [*above, *flows.impossible])
            except MemoryError:
                return None
            if found is not None:
                return found
            continue
        first, *rest = left
        steps += len(first)
        if steps > _STEPS:
            return None
        pending += [(cube.both(clause), rest) for clause in first if clause.meets(cube)]
    return None


def _dimensions(conjunction: Conjunction, priority: int) -> list[list[Cube]]:
    """For each clause the packets of its flows."""
    size = next(of for at, of in conjunction.complete() if at == priority)
    clauses = conjunction.at(priority, size)
    return [[c.placed.cube for c in clauses if c.which == which] for which in range(1, size + 1)]


RULE = LintRule("conjunction-conflict", "warning", in_bridge=find)
