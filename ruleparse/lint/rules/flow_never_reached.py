"""Flows of higher priorities take every packet that a flow is for.

Why: the flow does nothing, and somebody believes that it does. Mostly a wider flow was added with too high a priority,
or the flow is left over from before that.

Fix: delete the flow (`ovs-ofctl --strict del-flows`), or give it a higher priority than those that take its packets.

Sure: certain: the packets that it matches were compared, as sets, with those that the others take together. Flows that
go away by themselves (idle_timeout, hard_timeout) are not counted among these, nor are conjunctions. A note where the
others do the same, so that nothing is lost, and of flows of priority 0, which are there in case that no other is. Of
flows for conjunctions conjunction-overridden tells. In tables of more than 1000 flows only single flows are looked for
that take all.

Example:

    table=0,priority=200,ip,nw_dst=10.0.0.0/9 actions=output:1
    table=0,priority=200,ip,nw_dst=10.128.0.0/9 actions=output:2
    # here
    table=0,priority=100,tcp,nw_dst=10.0.0.0/8,tp_dst=22 actions=drop
    table=0,priority=0 actions=NORMAL
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from ruleparse.lint.cubes import hole, those_needed
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.flows import Flows, Placed

LONGEST = 1000
"""Flows of a table that are compared several together."""
_SHOWN = 5


def find(flows: Flows) -> Iterator[Finding]:
    for table in flows.tables:
        for placed, shadows in shadowed(flows, table):
            yield _dead(table, placed, shadows)


def shadowed(flows: Flows, table: str) -> Iterator[tuple[Placed, list[Placed]]]:
    """Flows that get no packet, each with those that take them."""
    everything = flows.table(table)
    shelves: dict[int, dict[int, Placed]] = {}
    takers: list[Placed] = []
    for _, same in groupby(everything, key=lambda placed: placed.priority):
        together = list(same)
        for placed in together:
            if "conj_id" in flows.layout.fields(placed.cube):
                continue
            single = _single(shelves, placed)
            found = [single] if single else _several(flows, placed, takers) if len(everything) <= LONGEST else []
            if found:
                yield placed, found
        for placed in together:
            if not placed.passes and not placed.flow.is_clause:
                takers.append(placed)
                shelves.setdefault(placed.cube.mask, {}).setdefault(placed.cube.value, placed)


def _single(shelves: dict[int, dict[int, Placed]], placed: Placed) -> Placed | None:
    value, mask = placed.cube
    holding = (shelf.get(value & bits) for bits, shelf in shelves.items() if not bits & ~mask)
    return next((taker for taker in holding if taker), None)


def _several(flows: Flows, placed: Placed, takers: list[Placed]) -> list[Placed]:
    among = [taker for taker in takers if taker.cube.meets(placed.cube)]
    if len(among) < 2:
        return []
    cubes = [taker.cube for taker in among]
    try:
        if hole(placed.cube, [*cubes, *flows.impossible]) is not None:
            return []
        needed = those_needed(placed.cube, [*cubes, *flows.impossible])
    except MemoryError:
        return []
    return [among[index] for index in needed if index < len(among)]


def _dead(table: str, placed: Placed, shadows: list[Placed]) -> Finding:
    related = [Related(taker.span, "takes packets of it") for taker in shadows[:_SHOWN]]
    count = "a flow of a higher priority takes" if len(shadows) == 1 else f"{len(shadows)} of higher priorities take"
    message = f"this flow of table {table} is never reached: {count} all of its packets"
    found = error(message, placed.span, *related)
    same = {taker.does for taker in (placed, *shadows)}
    return replace(found, severity="note") if len(same) == 1 or not placed.priority else found


RULE = LintRule("flow-never-reached", "warning", in_bridge=find)
