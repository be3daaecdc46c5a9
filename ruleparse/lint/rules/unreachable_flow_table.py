"""No flow leads to a table that has flows.

Why: none of its flows is ever looked at. They are left over from an earlier pipeline, or the flow was lost that leads
there, and what the table should do (a network policy, a service) is not done.

Fix: restart the program that writes the flows, which removes what is left over.

Sure: it is certain that no flow and no group leads there. A controller may start packets of its own in any table
(packet-out), so this is a suspicion. Left alone are tables that ask nothing of the packet itself (programs put defaults
into tables that they do not use yet), table 254, which is the switch's own, and bridges whose first table has no more
than a default.

Example:

    table=0,priority=100,in_port=1 actions=goto_table:1
    table=1,priority=0 actions=NORMAL
    # here
    table=5,priority=100,ip actions=drop
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, suspicion
from ruleparse.lint.flows import WRITTEN, Flows

_OF_THE_SWITCH = "254"


def find(flows: Flows) -> Iterator[Finding]:
    if not flows.whole or flows.unread or (flows.groups is None and uses_groups(flows)) or not asks(flows, flows.start):
        return
    for table in flows.tables:
        if table not in flows.reached and table != _OF_THE_SWITCH and asks(flows, table):
            found = flows.table(table)
            first = min(found, key=lambda placed: placed.span.start)
            many = f"{len(found)} flows" if len(found) > 1 else "a flow"
            yield suspicion(f"nothing leads to table {table}, which has {many}", first.span)


def asks(flows: Flows, table: str | None) -> bool:
    """Whether flows of a table ask something of the packet itself."""
    return any(flows.layout.fields(placed.cube) - WRITTEN for placed in flows.table(table or ""))


def uses_groups(flows: Flows) -> bool:
    """Whether packets may go on by groups."""
    return any("group:" in placed.does for table in flows.tables for placed in flows.table(table))


RULE = LintRule("unreachable-flow-table", "warning", in_bridge=find)
