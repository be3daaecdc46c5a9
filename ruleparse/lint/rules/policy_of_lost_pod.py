"""Flows isolate a port that no pod is behind.

Why: Antrea's table IngressDefaultRule drops what comes to the port, and no flow leads a packet there: the pod was
deleted and its policies were not. A later pod may be given the number of the port and inherits its isolation.

Fix: restart the agent.

Sure: it is certain that no flow of L2ForwardingCalc sends packets to this port; while a pod comes or goes that may be,
so this is a suspicion.

Example:

    table=0,priority=200,in_port=2 actions=goto_table:10
    table=10,priority=200,ip,in_port=2 actions=goto_table:30
    table=30,priority=200,ip actions=ct(table=31,zone=65520)
    table=31,priority=0 actions=goto_table:50
    table=50,priority=0 actions=goto_table:60
    table=60,priority=0 actions=goto_table:70
    table=70,priority=0 actions=goto_table:80
    table=80,priority=200,dl_dst=02:50:d0:00:00:03 actions=load:0x3->NXM_NX_REG1[],goto_table:90
    table=80,priority=0 actions=goto_table:90
    table=90,priority=0 actions=goto_table:100
    table=100,priority=200,ip,reg1=0x3 actions=drop
    # here
    table=100,priority=200,ip,reg1=0x9 actions=drop
    table=100,priority=0 actions=goto_table:110
    table=110,priority=0 actions=NORMAL
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.saved_flows import SavedFlow
from ruleparse.lint.finding import Finding, LintRule, suspicion
from ruleparse.lint.flows import Flows


def find(flows: Flows) -> Iterator[Finding]:
    if flows.writer != "antrea" or flows.unread:
        return
    ports = {flow.value("reg1") for flow in flows.antrea.flows("L2ForwardingCalc")} - {None}
    table = flows.antrea.called.get("IngressDefaultRule")
    for placed in flows.table(table) if table and ports else ():
        port = SavedFlow(placed.flow).matched("reg1")
        if port is not None and port not in ports:
            message = f"packets to port {flows.saved.port(port)} are dropped by policies, and no pod is behind it"
            yield suspicion(message, placed.span)


RULE = LintRule("policy-of-lost-pod", "warning", in_bridge=find)
