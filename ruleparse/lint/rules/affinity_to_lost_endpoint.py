"""A client of a service with affinity is kept to an endpoint that the service does not have any more.

Why: Antrea remembers in a learned flow which endpoint a client was sent to. As long as that flow is there the client's
connections go to it, though the endpoint is gone.

Fix: delete the flow (`ovs-ofctl del-flows` with its match); update Antrea.

Sure: it is certain that no group has the endpoint; right after it went that may be, so this is a suspicion. IPv4 only.

Example:

    table=0,priority=200,in_port=2 actions=goto_table:10
    table=10,priority=200,ip,in_port=2 actions=goto_table:30
    table=30,priority=200,ip actions=ct(table=31,zone=65520)
    table=31,priority=0 actions=goto_table:40
    # here
    table=40,hard_timeout=300,priority=190,tcp,nw_src=10.244.1.7,nw_dst=10.96.0.9,tp_dst=80 actions=load:0xaf40163->NXM_NX_REG3[],load:0x50->NXM_NX_REG4[0..15],load:0x2->NXM_NX_REG4[16..18]
    table=40,priority=0 actions=load:0x1->NXM_NX_REG4[16..18],resubmit(,41)
    table=41,priority=200,tcp,nw_dst=10.96.0.9,tp_dst=80 actions=group:3
    table=41,priority=0 actions=goto_table:50
    table=42,priority=200,tcp,reg3=0xaf4010b,reg4=0x20050/0x7ffff actions=ct(commit,table=50,zone=65520,nat(dst=10.244.1.11:80))
    table=42,priority=0 actions=goto_table:50
    table=50,priority=0 actions=goto_table:60
    table=60,priority=0 actions=goto_table:70
    table=70,priority=0 actions=goto_table:80
    table=80,priority=0 actions=goto_table:90
    table=90,priority=0 actions=goto_table:100
    table=100,priority=0 actions=goto_table:110
    table=110,priority=0 actions=NORMAL
    # with another file of the node: group_id=3,type=select,bucket=weight:100,actions=load:0xaf4010b->NXM_NX_REG3[],load:0x50->NXM_NX_REG4[0..15],resubmit(,42)
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.saved_flows import SavedFlow
from ruleparse.lint.endpoints import buckets, of_flow
from ruleparse.lint.finding import Finding, LintRule, suspicion
from ruleparse.lint.flows import Flows


def find(flows: Flows) -> Iterator[Finding]:
    table = flows.antrea.called.get("SessionAffinity") if flows.writer == "antrea" else None
    if table is None or not flows.groups:
        return
    known = {endpoint for _, _, endpoint in buckets(flows)}
    for placed in (placed for placed in flows.table(table) if placed.passes):
        endpoint = of_flow(SavedFlow(placed.flow))
        if endpoint is not None and endpoint not in known:
            message = f"this client is kept to endpoint {endpoint}, which no service has"
            yield suspicion(message, placed.span)


RULE = LintRule("affinity-to-lost-endpoint", "warning", in_bridge=find)
