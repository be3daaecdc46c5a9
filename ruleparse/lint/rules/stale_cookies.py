"""Flows of an earlier start of the Antrea agent are still there.

Why: the agent counts its starts in the cookies of its flows, and deletes those of earlier starts once all new ones are
there. Where that failed, flows of policies, services and pods stay that are gone; after an update they may stand in a
table that means something else by now.

Fix: restart the agent; `ovs-ofctl del-flows br-int cookie=0xROUND000000000000/0xffff000000000000` deletes those of one
start.

Sure: it is certain that flows of two starts are there. Right after a start that is as it should be, so nothing is said
where the newest are younger than 10 seconds; where the dump does not tell how old they are it is a suspicion.

Example:

    cookie=0x2000000000000, duration=900.1s, table=0, priority=0 actions=drop
    cookie=0x2010000000000, duration=900.1s, table=0, priority=200,in_port=2 actions=goto_table:10
    # here
    cookie=0x1030000000000, duration=7200.5s, table=0, priority=190,in_port=5 actions=goto_table:10
    cookie=0x2000000000000, duration=900.1s, table=10, priority=200,ip,in_port=2 actions=goto_table:30
    cookie=0x2000000000000, duration=900.1s, table=30, priority=200,ip actions=ct(table=31,zone=65520)
    cookie=0x2000000000000, duration=900.1s, table=31, priority=0 actions=goto_table:50
    cookie=0x2000000000000, duration=900.1s, table=50, priority=0 actions=goto_table:60
    cookie=0x2000000000000, duration=900.1s, table=60, priority=0 actions=goto_table:70
    cookie=0x2000000000000, duration=900.1s, table=70, priority=0 actions=goto_table:80
    cookie=0x2000000000000, duration=900.1s, table=80, priority=0 actions=goto_table:90
    cookie=0x2000000000000, duration=900.1s, table=90, priority=0 actions=goto_table:100
    cookie=0x2000000000000, duration=900.1s, table=100, priority=0 actions=goto_table:110
    cookie=0x2000000000000, duration=900.1s, table=110, priority=0 actions=NORMAL
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from ruleparse.cni.antrea_cookies import round_of
from ruleparse.lint.finding import Finding, LintRule, Related, error, suspicion
from ruleparse.lint.flows import Flows, Placed

_SETTLES = 10
"""Seconds after which an agent has cleaned up."""


def find(flows: Flows) -> Iterator[Finding]:
    if flows.writer != "antrea":
        return
    by_round: dict[int, list[Placed]] = {}
    for table in flows.tables:
        for placed in flows.table(table):
            if (number := round_of(placed.flow.cookie or 0)) and not placed.passes:
                by_round.setdefault(number, []).append(placed)
    if len(by_round) < 2:
        return
    newest = max(by_round)
    first, age = min(by_round[newest], key=lambda placed: placed.span.start), _age(by_round[newest])
    if age is not None and age < _SETTLES:
        return
    for number in sorted(by_round.keys() - {newest}):
        stale = sorted(by_round[number], key=lambda placed: placed.span.start)
        what = f"{len(stale)} flows are" if len(stale) > 1 else "this flow is"
        message = f"{what} of start {number} of the Antrea agent, others of start {newest}"
        report = suspicion if age is None else error
        yield report(message, stale[0].span, Related(first.span, f"of start {newest}"))


def _age(placed: list[Placed]) -> float | None:
    """Seconds since the oldest of some flows was added."""
    ages = []
    for one in placed:
        with suppress(ValueError):
            ages.append(float((one.flow.count("duration") or "").removesuffix("s")))
    return max(ages, default=None)


RULE = LintRule("stale-cookies", "warning", in_bridge=find)
