"""kube-proxy and Antrea send packets of one service to different endpoints.

Why: both are in use on this node: Antrea for packets of pods, kube-proxy for those of the node and from outside. Where
one of them is not up to date, connections fail for some clients and not for others.

Fix: look which endpoints the service has (`kubectl get endpointslices`), and restart the one that has others.

Sure: certain that address, protocol and port are the same, and the endpoints are not. While endpoints change that may
be, so this is a suspicion. IPv4 only.

Example:

    table=0,priority=200,in_port=2 actions=goto_table:10
    table=10,priority=200,ip,in_port=2 actions=goto_table:30
    table=30,priority=200,ip actions=ct(table=31,zone=65520)
    table=31,priority=0 actions=goto_table:41
    # here
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
    # with a third file of the node: *nat
    # with a third file of the node: :PREROUTING ACCEPT [0:0]
    # with a third file of the node: :KUBE-SERVICES - [0:0]
    # with a third file of the node: :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    # with a third file of the node: :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    # with a third file of the node: :KUBE-MARK-MASQ - [0:0]
    # with a third file of the node: -A PREROUTING -j KUBE-SERVICES
    # with a third file of the node: -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    # with a third file of the node: -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment "shop/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    # with a third file of the node: -A KUBE-SVC-AAAAAAAAAAAAAAAA ! -s 10.244.0.0/16 -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
    # with a third file of the node: -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    # with a third file of the node: -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    # with a third file of the node: -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:80
    # with a third file of the node: COMMIT
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.saved import Here
from ruleparse.lint.endpoints import of_bucket
from ruleparse.lint.finding import Finding, LintRule, Related, suspicion
from ruleparse.lint.flows import Flows
from ruleparse.lint.ruleset import Rules, rulesets

Portal = tuple[str | None, ...]
_PROTOCOLS = ("tcp", "udp", "sctp")


def find(flows: Flows) -> Iterator[Finding]:
    table = flows.antrea.called.get("ServiceLB") if flows.writer == "antrea" else None
    if table is None or not flows.groups:
        return
    by_kube_proxy = dict(_services(flows))
    for placed in flows.table(table):
        match = dict(placed.flow.syntax.items)
        protocol = next((name for name in _PROTOCOLS if name in match), None)
        portal = match.get("nw_dst"), protocol, match.get("tp_dst")
        ours = {str(endpoint) for endpoint in _chosen(flows, placed.does)}
        if portal not in by_kube_proxy or not ours:
            continue
        here, theirs = by_kube_proxy[portal]
        if ours != theirs:
            which = f"Antrea to {', '.join(sorted(ours))}, kube-proxy to {', '.join(sorted(theirs))}"
            message = f"packets to {portal[0]} port {portal[2]} are sent to different endpoints: {which}"
            yield suspicion(message, placed.span, Related(here.words.span, "kube-proxy's rule"))


def _services(flows: Flows) -> Iterator[tuple[Portal, tuple[Here, set[str]]]]:
    """kube-proxy's services with endpoints, by address, protocol and port."""
    for rules in rulesets(flows.snapshot):
        for here in rules.table("nat").rules("KUBE-SERVICES") if rules.family == 4 else ():
            if endpoints := _endpoints(rules, here):
                yield (here.value("-d"), here.value("-p"), here.value("--dport")), (here, endpoints)


def _endpoints(rules: Rules, here: Here) -> set[str]:
    if not here.target.startswith("KUBE-SVC-"):
        return set()
    return {endpoint.address for endpoint in rules.services.endpoints(here.target)}


def _chosen(flows: Flows, does: str) -> Iterator[object]:
    """The endpoints of the group that a flow sends packets to."""
    number = does.rpartition("group:")[2] if "group:" in does else ""
    group = (flows.groups or {}).get(int(number)) if number.isdecimal() else None
    return (endpoint for bucket in (group.buckets if group else ()) if (endpoint := of_bucket(bucket)))


RULE = LintRule("services-disagree", "warning", in_bridge=find)
