"""Parts of a host network that several writers share."""

from __future__ import annotations

from ipaddress import ip_address

from .model import Node
from .node import FORWARDS_IPV6, KUBERNETES_SYSCTLS, LOOPBACK, HostNetwork, Link, Route


def mac_of(address: str, prefix: str = "52:54") -> str:
    octets = ip_address(address).packed[-4:]
    return ":".join([prefix, *(f"{octet:02x}" for octet in octets)])


def ethernet(node: Node, *more_addresses: str) -> Link:
    addresses = (f"{node.address}/{node.prefix_length}", *more_addresses)
    return Link(node.interface, mac_of(node.address), addresses, queue="mq")


def gateway_route(node: Node) -> Route:
    return Route("default", f"via {node.gateway} dev {node.interface} proto static")


def plain_network(node: Node, address6: str = "", gateway6: str = "") -> HostNetwork:
    links = (LOOPBACK, ethernet(node, *filter(None, [address6])))
    routes6 = (f"default via {gateway6} dev {node.interface} proto static metric 1024",) if gateway6 else ()
    sysctls = KUBERNETES_SYSCTLS | (FORWARDS_IPV6 if address6 else {})
    return HostNetwork(links, (gateway_route(node),), routes6, sysctls=sysctls)
