"""Antrea, its rules on the host."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Name, Row
from ruleparse.cni.versions import Sign


class AntreaHost(Decoder):
    """Antrea's rules beside its Open vSwitch bridge: the gateway, egress SNAT, node ports of proxyAll, policies of
    nodes. Policies of pods and services are flows of the bridge.
    """

    name = "antrea-host"
    title = "Antrea"
    markers = ("ANTREA-FORWARD", "ANTREA-POSTROUTING", "ANTREA-MANGLE")
    elsewhere = "Antrea judges pods in its Open vSwitch bridge: for its policies walk the flows of br-int."

    signs = (
        Sign("mangle", "ANTREA-MANGLE", until="0.8"),
        Sign("mangle", "ANTREA-OUTPUT", r"0x80000000", since="1.6"),
        Sign("nat", "ANTREA-POSTROUTING", "! -o antrea-gw0 -j MASQUERADE", since="1.6"),
        Sign("filter", "ANTREA-POL-INGRESS-RULES", since="1.15"),
    )
    chains = (
        Name("ANTREA-FORWARD", "Antrea, forwarded packets"),
        Name("ANTREA-INPUT", "Antrea, packets to this node"),
        Name("ANTREA-OUTPUT", "Antrea, packets of this node"),
        Name("ANTREA-PREROUTING", "Antrea, packets that arrive"),
        Name("ANTREA-POSTROUTING", "Antrea, packets that leave"),
        Name("ANTREA-MANGLE", "Antrea, marks"),
        Name("ANTREA-NODE-PORT-LOCAL", "NodePortLocal: ports of this node for single pods"),
        Name("ANTREA-POL-PRE-(?P<way>IN|E)GRESS-RULES", "policies of this node, what is always let through"),
        Name("ANTREA-POL-INGRESS-RULES", "policies of this node, ingress"),
        Name("ANTREA-POL-EGRESS-RULES", "policies of this node, egress"),
        Name("ANTREA-POL-(?P<rule>.+)", "rule {rule} of a node's policy"),
    )
    rules = (
        Row("policy of this node: {what}", chain="ANTREA-POL-.*", comment="Antrea: for (?P<what>.+)"),
        Row("{what}", comment="Antrea: (?P<what>(?!jump to ).+)"),
        Row("NodePortLocal {dport}: to pod {to_destination}", chain="ANTREA-NODE-PORT-LOCAL", target="DNAT"),
    )
    decisions = (
        Row("A policy of this node refuses it: {what}.", target="DROP|REJECT", comment="Antrea: for (?P<what>.+)"),
    )
    sets = (
        Name("ANTREA-POD-IP6?", "networks of pods"),
        Name("ANTREA-NODEPORT-IP6?", "node ports of services"),
        Name("ANTREA-EXTERNAL-IP6?", "external IPs of services"),
        Name("CLUSTER-NODE-IP6?", "nodes of the cluster"),
        Name("LOCAL-FLEXIBLE-IPAM-POD-IP6?", "pods on this node with addresses of Antrea IPAM"),
        Name("ANTREA-POL-.*", "peers of a node's policy"),
    )
    interfaces = (
        Name("antrea-gw0|gw0", "gateway of Antrea's bridge"),
        Name("antrea-tun0", "tunnel port of Antrea's bridge"),
        Name("antrea-wg0", "Antrea's WireGuard device"),
        Name("antrea-egress0", "device that holds Antrea's egress addresses"),
        Name("antrea-ingress0", "device that holds external addresses of services (Antrea)"),
    )
