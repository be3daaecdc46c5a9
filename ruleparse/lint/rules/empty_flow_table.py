"""A flow sends packets to a table that has no flows.

Why: nothing is done with a packet there, so it is dropped unless the flow itself goes on with it. Mostly the flows of a
table were lost, or the table moved and one flow still leads to its old number.

Fix: restart the program that writes the flows; look in its log for flows that the switch refused.

Sure: certain for the moment of the dump, which has no flow of that table; it is a suspicion where packets come back
from there (`resubmit` with actions behind it), and a note where flows keep logical networks in `metadata` (OVN), whose
tables fill when a network comes to the node. Left alone are tables that flows learn into (`learn`), which are empty
until something is learned, and flows that nothing leads to.

Example:

    table=0,priority=100,in_port=1 actions=output:2
    # here
    table=0,priority=0 actions=resubmit(,10)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ruleparse.lint.finding import Finding, LintRule, error, suspicion
from ruleparse.lint.flows import Flows, Placed, action_span
from ruleparse.openflow.syntax import Element


def find(flows: Flows) -> Iterator[Finding]:
    if not flows.whole:
        return
    fills_later = "METADATA" in flows.dump.source.text.upper()
    for target, calls in _into_nothing(flows).items():
        placed, element = min(calls, key=lambda call: call[0].span.start)
        last = placed.does.endswith(str(element))
        what = "packets are sent to" if last else "packets are looked up in"
        where = action_span(placed, element)
        found = (error if last else suspicion)(f"{what} table {target}, which has no flows", where)
        yield replace(found, severity="note") if fills_later else found


def _into_nothing(flows: Flows) -> dict[str, list[tuple[Placed, Element]]]:
    """Of each table without flows: the flows that send packets there, and the actions by which they do."""
    found: dict[str, list[tuple[Placed, Element]]] = {}
    for table in (table for table in flows.tables if table in flows.reached):
        for placed, element, target in flows.calls(table):
            if target not in flows.dump.tables and target not in flows.learned:
                found.setdefault(target, []).append((placed, element))
    return found


RULE = LintRule("empty-flow-table", "error", in_bridge=find)
