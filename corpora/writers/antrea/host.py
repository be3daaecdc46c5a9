"""Antrea's rules beside its bridge: accept the gateway's packets, masquerade what pods send outside (v0.9)."""

from __future__ import annotations

from ..ipset import IpSet
from ..model import Cluster
from ..rule import comment
from ..save import Ruleset
from .node import GATEWAY_PORT

POD_NETWORKS = "ANTREA-POD-IP"


def write_antrea_host(ruleset: Ruleset, cluster: Cluster) -> None:
    nat, filter_table, raw = ruleset["nat"], ruleset["filter"], ruleset["raw"]
    raw.append("PREROUTING", comment("Antrea: jump to Antrea prerouting rules"), "-j ANTREA-PREROUTING")
    raw.append("OUTPUT", comment("Antrea: jump to Antrea output rules"), "-j ANTREA-OUTPUT")
    for chain, way, side in (("PREROUTING", "incoming", "dst"), ("OUTPUT", "outgoing", "src")):
        words = comment(f"Antrea: do not track {way} encapsulation packets")
        raw.append(
            f"ANTREA-{chain}", "-p udp", words, f"-m udp --dport 6081 -m addrtype --{side}-type LOCAL -j NOTRACK"
        )
    filter_table.append("FORWARD", comment("Antrea: jump to Antrea forwarding rules"), "-j ANTREA-FORWARD")
    for side, words in (("-i", "accept packets from local pods"), ("-o", "accept packets to local pods")):
        filter_table.append("ANTREA-FORWARD", f"{side} {GATEWAY_PORT}", comment(f"Antrea: {words}"), "-j ACCEPT")
    nat.append("POSTROUTING", comment("Antrea: jump to Antrea postrouting rules"), "-j ANTREA-POSTROUTING")
    outside = (f"-s {cluster.node.pod_cidr}", comment("Antrea: masquerade pod to external packets"))
    nat.append("ANTREA-POSTROUTING", *outside, f"-m set ! --match-set {POD_NETWORKS} dst -j MASQUERADE")


def pod_networks(cluster: Cluster) -> IpSet:
    """The networks of pods of all nodes."""
    members = tuple(node.pod_cidr for node in (cluster.node, *cluster.peers))
    return IpSet(POD_NETWORKS, "hash:net", members)
