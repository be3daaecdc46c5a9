"""A flow sends packets to a group that has no bucket to choose.

Why: packets that come to it are dropped. Antrea before 1.13 writes such a group for a service without endpoints; where
the service has some, they were lost, or the group holds more than the switch could take at once.

Fix: look whether the service has endpoints (`kubectl get endpointslices`); if it has, restart the agent.

Sure: it is certain that no bucket is chosen. A group of buckets that all have weight 0 is a suspicion; one without any
is a note, for a service without endpoints has it.

Example:

    # here
    group_id=1,type=select,bucket=weight:0,actions=output:1,bucket=weight:0,actions=output:2
    # with another file of the node: table=0,priority=100,tcp,tp_dst=80 actions=group:1
    # with another file of the node: table=0,priority=0 actions=NORMAL
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ruleparse.lint.endpoints import group_span
from ruleparse.lint.finding import Finding, LintRule, suspicion
from ruleparse.lint.flows import Flows


def find(flows: Flows) -> Iterator[Finding]:
    for group in (flows.groups or {}).values():
        if not group.buckets:
            message = f"packets that come to group {group.id} are dropped: it has no buckets"
            yield replace(suspicion(message, group_span(group)), severity="note")
        elif group.type == "select" and all(bucket.weight == 0 for bucket in group.buckets):
            message = f"packets that come to group {group.id} are dropped: all its buckets have weight 0"
            yield suspicion(message, group_span(group))


RULE = LintRule("group-without-buckets", "warning", in_bridge=find)
