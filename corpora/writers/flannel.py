"""flannel: masquerades what leaves the cluster and accepts all pod traffic."""

from __future__ import annotations

from ipaddress import ip_network

from .hosts import ethernet, gateway_route
from .model import Cluster
from .node import KUBERNETES_SYSCTLS, LOOPBACK, HostNetwork, Link, Route
from .rule import comment
from .save import Ruleset

MULTICAST = "224.0.0.0/4"
MASQUERADE = "-j MASQUERADE --random-fully"


def write_flannel(ruleset: Ruleset, cluster: Cluster) -> None:
    """The layout since 0.20, with chains of its own."""
    nat, filter_table = ruleset["nat"], ruleset["filter"]
    masq, forward = comment("flanneld masq"), comment("flanneld forward")
    pods, here = cluster.pod_cidr, cluster.node.pod_cidr
    nat.append("POSTROUTING", masq, "-j FLANNEL-POSTRTG")
    for parts in (
        ("-m mark --mark 0x4000/0x4000", masq, "-j RETURN"),
        (f"-s {here}", f"-d {pods}", masq, "-j RETURN"),
        (f"-s {pods}", f"-d {here}", masq, "-j RETURN"),
        (f"! -s {pods}", f"-d {here}", masq, "-j RETURN"),
        (f"-s {pods}", f"! -d {MULTICAST}", masq, MASQUERADE),
        (f"! -s {pods}", f"-d {pods}", masq, MASQUERADE),
    ):
        nat.append("FLANNEL-POSTRTG", *parts)
    filter_table.append("FORWARD", forward, "-j FLANNEL-FWD")
    filter_table.append("FLANNEL-FWD", f"-s {pods}", forward, "-j ACCEPT")
    filter_table.append("FLANNEL-FWD", f"-d {pods}", forward, "-j ACCEPT")


def flannel_network(cluster: Cluster) -> HostNetwork:
    """Pods hang on the bridge cni0; other nodes are behind flannel.1 (VXLAN)."""
    node, here = cluster.node, ip_network(cluster.node.pod_cidr)
    vxlan = f"vxlan id 1 local {node.address} dev {node.interface} srcport 0 0 dstport 8472 nolearning"
    overlay = Link("flannel.1", "0e:5f:3a:21:7c:9d", (f"{here.network_address}/32",), 1450, details=vxlan)
    bridge_address = f"{here.network_address + 1}/{here.prefixlen}"
    bridge = Link("cni0", "be:2c:14:76:0a:b1", (bridge_address,), 1450, details="bridge forward_delay 1500")
    veths = tuple(
        Link(pod.interface, f"9a:11:22:33:44:{number:02x}", (), 1450, "if2", "cni0", f"cni-{number}", "veth")
        for number, pod in enumerate(cluster.pods)
    )
    routes = [gateway_route(node)]
    for peer in cluster.peers:
        first = ip_network(peer.pod_cidr).network_address
        routes.append(Route(peer.pod_cidr, f"via {first} dev flannel.1 onlink"))
    links = (LOOPBACK, ethernet(node), overlay, bridge, *veths)
    return HostNetwork(links, tuple(routes), sysctls=KUBERNETES_SYSCTLS)
