"""A flow sends packets to a group that is not among the saved ones.

Why: a switch refuses such a flow, and deletes it with its group, so that flows and groups are of two moments, or of two
bridges. In a running switch the symptom is another: the flow itself is missing (OFPBAC_BAD_OUT_GROUP in the log of the
program that writes it).

Fix: save both at one moment, with `-O OpenFlow15`: `ovs-ofctl dump-flows`, `ovs-ofctl dump-groups`.

Sure: it is certain that the group is not in the dumps, not why. Nothing is said where no groups were saved at all.

Example:

    # here
    table=0,priority=100,tcp,nw_dst=10.96.0.10,tp_dst=53 actions=group:2
    table=0,priority=0 actions=NORMAL
    # with another file of the node: group_id=1,type=select,bucket=weight:100,actions=output:1
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.saved_flows import decimal
from ruleparse.lint.finding import Finding, LintRule, error
from ruleparse.lint.flows import Flows, action_span, inside


def find(flows: Flows) -> Iterator[Finding]:
    if flows.groups is None:
        return
    for table in flows.tables:
        for placed in (placed for placed in flows.table(table) if "group:" in placed.does):
            for element in inside(placed.flow.syntax.actions):
                number = decimal(element.text) if element.word == "group" else None
                if number is not None and number not in flows.groups:
                    message = f"group {number} is not among the {len(flows.groups)} groups that were saved"
                    yield error(message, action_span(placed, element))


RULE = LintRule("missing-group", "warning", in_bridge=find)
