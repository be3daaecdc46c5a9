"""Others can reach what this node offers on 127.0.0.1 (CVE-2020-8558).

Why: kube-proxy sets route_localnet, so that node ports work on 127.0.0.1. The kernel then takes packets to 127.0.0.1
from the network, too, and services that listen there only (the kubelet's and others' debug ports) are open to pods and
neighbours.

Fix: update kubelet (1.16.11, 1.17.7, 1.18.4 and later drop such packets in KUBE-FIREWALL), or drop them yourself.

Sure: certain where route_localnet was saved as 1: all first packets to 127.0.0.1:8080 that come from the network were
walked through INPUT, and it accepts them all. A suspicion where it was not
saved and there are node ports.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-NODEPORTS - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    :KUBE-POSTROUTING - [0:0]
    :POSTROUTING ACCEPT [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A POSTROUTING -j KUBE-POSTROUTING
    -A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
    -A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-MARK-MASQ
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
    COMMIT
    *filter
    # here
    :INPUT ACCEPT [0:0]
    :KUBE-FIREWALL - [0:0]
    -A INPUT -j KUBE-FIREWALL
    -A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse import bits
from ruleparse.codec import Prefix, prefix
from ruleparse.lint.finding import Finding, LintRule, error, suspicion
from ruleparse.lint.first_packets import FirstPackets
from ruleparse.lint.ruleset import Rules, chain_span
from ruleparse.netfilter.settings import InterfaceSetting

_LOOPBACK: Prefix = prefix("127.0.0.0/8")


def find(rules: Rules) -> Iterator[Finding]:
    chain = rules.table("filter").chains.get("INPUT")
    setting = InterfaceSetting.of(rules.snapshot.routing.sysctl, "route_localnet")
    on = setting.every == 1 or 1 in setting.own.values()
    unsure = setting.every is None and not on and bool(rules.table("nat").rules("KUBE-NODEPORTS"))
    if chain is None or rules.family != 4 or not (on or unsure):
        return
    packets = FirstPackets(rules, "INPUT")
    try:
        region = from_others(packets)
        if bits.without(region, packets.accepted("filter", "INPUT", among=region)) is not False:
            return
    except MemoryError:
        return
    message = f"INPUT accepts packets to 127.0.0.1 from other hosts: {packets.witness(region)}"
    yield (error if on else suspicion)(message, chain_span(chain))


def from_others(packets: FirstPackets) -> bits.Bool:
    """Packets to an insecure port of 127.0.0.1 that came from the network."""
    packet = packets.packet
    local = bits.equal_masked(packet["src"], _LOOPBACK.value, _LOOPBACK.mask)
    inside = [packets.through("in", name) for name in _INSIDE]
    to = [bits.equal_masked(packet[field], value, -1) for field, value in _TO.items()]
    return bits.all_of([*to, *map(bits.negate, (local, *inside))])


_INSIDE = ("lo", "cali+", "eni+", "veth+", "azv+")
"""Not the network: this node itself, and pods, which a plugin may have rules of its own for."""
_TO = {"dst": 0x7F000001, "proto": 6, "dport": 8080, "out": 0, "mark": 0}


RULE = LintRule("localhost-boundary", "error", find)
