"""Two conjunctions of the same priority hold for the same packet, and lead to different things.

Why: which of them a switch uses is not defined (ovs-fields(7)). Network policies of the same priority, one that allows
and one that drops, then depend on chance for the packets that both select.

Fix: give the policies different priorities.

Sure: certain: the packet named satisfies every clause of both, and no flow comes before them. What they do is compared
without their own numbers. Conjunctions with very many clauses are not compared.

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
from itertools import combinations

from ruleparse.cni.saved_flows import WHOLE
from ruleparse.lint.conjunctions import Conjunction, conjunctions
from ruleparse.lint.cubes import Cube, hole
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.flows import Flows

_STEPS = 20_000
"""Clauses that are looked at for one pair."""


def find(flows: Flows) -> Iterator[Finding]:
    for table in flows.tables:
        by_priority: dict[int, list[Conjunction]] = {}
        for conjunction in conjunctions(flows, table):
            if conjunction.answers:
                for priority, _ in conjunction.complete():
                    by_priority.setdefault(priority, []).append(conjunction)
        for priority, same in by_priority.items():
            for one, other in combinations(same, 2):
                if _outcome(one) != _outcome(other) and (packet := _common(flows, priority, one, other)):
                    yield _finding(flows, one, other, packet)


def _finding(flows: Flows, one: Conjunction, other: Conjunction, packet: Cube) -> Finding:
    words = f"conjunctions {one.number} and {other.number} of table {one.table} have the same priority"
    message = f"{words}, both hold for {flows.layout.words(packet)}, and lead to different things"
    return error(
        message, other.answers[0].span, Related(one.answers[0].span, f"what conjunction {one.number} leads to")
    )


def _outcome(conjunction: Conjunction) -> str:
    """What it leads to, its own number left out wherever it stands."""
    number = conjunction.number
    return re.sub(rf"\b(?:{number}|0x0*{number:x}(?:0{{8}})?)\b", "#", conjunction.answers[0].does)


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
