"""A service of Antrea sends packets to an endpoint that no flow translates to.

Why: the group chose the endpoint, and table EndpointDNAT has no flow for it. The packet is sent back to choose again,
again and again, or goes on to the address of the service, which nobody has.

Fix: restart the agent; look in its log for flows that the switch refused.

Sure: certain: no flow of EndpointDNAT asks for the address and the port that the bucket writes. IPv4 only.

Example:

    # here
    group_id=3,type=select,bucket=weight:100,actions=load:0xaf4010b->NXM_NX_REG3[],load:0x50->NXM_NX_REG4[0..15],resubmit(,42)
    # with another file of the node: table=0,priority=200,in_port=2 actions=goto_table:10
    # with another file of the node: table=10,priority=200,ip,in_port=2 actions=goto_table:30
    # with another file of the node: table=30,priority=200,ip actions=ct(table=31,zone=65520)
    # with another file of the node: table=31,priority=0 actions=goto_table:41
    # with another file of the node: table=41,priority=200,tcp,nw_dst=10.96.0.9,tp_dst=80 actions=group:3
    # with another file of the node: table=41,priority=0 actions=goto_table:50
    # with another file of the node: table=42,priority=200,tcp,reg3=0xaf4010c,reg4=0x20050/0x7ffff actions=ct(commit,table=50,zone=65520,nat(dst=10.244.1.12:80))
    # with another file of the node: table=42,priority=0 actions=goto_table:50
    # with another file of the node: table=50,priority=0 actions=goto_table:60
    # with another file of the node: table=60,priority=0 actions=goto_table:70
    # with another file of the node: table=70,priority=0 actions=goto_table:80
    # with another file of the node: table=80,priority=0 actions=goto_table:90
    # with another file of the node: table=90,priority=0 actions=goto_table:100
    # with another file of the node: table=100,priority=0 actions=goto_table:110
    # with another file of the node: table=110,priority=0 actions=NORMAL
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.endpoints import bucket_span, buckets, translated
from ruleparse.lint.finding import Finding, LintRule, error
from ruleparse.lint.flows import Flows


def find(flows: Flows) -> Iterator[Finding]:
    if flows.writer != "antrea" or flows.unread:
        return
    known = translated(flows)
    for group, bucket, endpoint in buckets(flows) if known else ():
        if endpoint not in known:
            message = f"group {group.id} chooses endpoint {endpoint}, and no flow translates to it"
            yield error(message, bucket_span(group, bucket))


RULE = LintRule("endpoint-not-translated", "error", in_bridge=find)
