"""Interfaces and routes of a Calico node."""

from __future__ import annotations

from ipaddress import ip_network

from ..hosts import ethernet, gateway_route
from ..model import Cluster
from ..node import KUBERNETES_SYSCTLS, LOOPBACK, HostNetwork, Link, Route
from .static import Encapsulation

POD_SIDE_MAC = "ee:ee:ee:ee:ee:ee"


def calico_network(cluster: Cluster, encapsulation: Encapsulation) -> HostNetwork:
    node = cluster.node
    tunnels = {
        "ipip": (_ipip(cluster),),
        "vxlan": (_vxlan(cluster),),
        "none": (),
    }[encapsulation]
    veths = tuple(
        Link(pod.interface, POD_SIDE_MAC, mtu=1480, peer="if3", netns=f"cni-{pod.interface[4:]}", details="veth")
        for pod in cluster.pods
    )
    routes = [gateway_route(node), Route(node.pod_cidr, "proto bird", kind="blackhole")]
    routes += [Route(pod.address, f"dev {pod.interface} scope link") for pod in cluster.pods]
    for peer in cluster.peers:
        device = tunnels[0].name if tunnels else node.interface
        routes.append(Route(peer.pod_cidr, f"via {peer.address} dev {device} proto bird onlink"))
    sysctls = KUBERNETES_SYSCTLS | {f"net.ipv4.conf.{pod.interface}.rp_filter": 0 for pod in cluster.pods}
    return HostNetwork((LOOPBACK, ethernet(node), *tunnels, *veths), tuple(routes), sysctls=sysctls)


def _ipip(cluster: Cluster) -> Link:
    details = "ipip any remote any local any ttl inherit nopmtudisc"
    return Link("tunl0", "", (f"{_first_address(cluster.node.pod_cidr)}/32",), 1480, "NONE", details=details)


def _vxlan(cluster: Cluster) -> Link:
    details = f"vxlan id 4096 local {cluster.node.address} dev {cluster.node.interface} srcport 0 0 dstport 4789"
    address = f"{_first_address(cluster.node.pod_cidr)}/32"
    return Link("vxlan.calico", "66:2a:5e:10:4f:01", (address,), 1450, details=f"{details} nolearning")


def _first_address(network: str) -> str:
    return str(ip_network(network).network_address)
