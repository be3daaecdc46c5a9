"""Docker's bridge networks: the layout up to 27, and the one of 28."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from .hosts import ethernet, gateway_route, mac_of
from .model import Node
from .node import BRIDGE_DETAILS, HOST_SYSCTLS, LOOPBACK, HostNetwork, Link
from .rule import port_match
from .save import Ruleset, Table

ESTABLISHED = "-m conntrack --ctstate RELATED,ESTABLISHED"
TO_LOCAL = "-m addrtype --dst-type LOCAL"


@dataclass(frozen=True)
class PublishedPort:
    container: str
    port: int
    host_port: int
    protocol: str = "tcp"


@dataclass(frozen=True)
class Bridge:
    name: str
    network: str
    published: tuple[PublishedPort, ...] = ()
    containers: int = 1

    @property
    def gateway(self) -> str:
        return str(ip_network(self.network).network_address + 1)


def write_docker(ruleset: Ruleset, bridges: tuple[Bridge, ...], major: int) -> None:
    ruleset["filter"].policies["FORWARD"] = "DROP"
    _write_nat(ruleset["nat"], bridges)
    if major >= 28:
        _write_forward_28(ruleset, bridges)
    else:
        _write_forward(ruleset["filter"], bridges)


def _write_nat(nat: Table, bridges: tuple[Bridge, ...]) -> None:
    nat.append("PREROUTING", TO_LOCAL, "-j DOCKER")
    nat.append("OUTPUT", "! -d 127.0.0.0/8", TO_LOCAL, "-j DOCKER")
    for bridge in bridges:
        nat.append("POSTROUTING", f"-s {bridge.network}", f"! -o {bridge.name}", "-j MASQUERADE")
        nat.append("DOCKER", f"-i {bridge.name}", "-j RETURN")
    for bridge in bridges:
        for published in bridge.published:
            host = f"{published.container}/32"
            to_container = port_match(published.protocol, published.port)
            nat.append("POSTROUTING", f"-s {host}", f"-d {host}", *to_container, "-j MASQUERADE")
            target = f"-j DNAT --to-destination {published.container}:{published.port}"
            nat.append("DOCKER", f"! -i {bridge.name}", *port_match(published.protocol, published.host_port), target)


def _accept_published(table: Table, bridges: tuple[Bridge, ...]) -> None:
    for bridge in bridges:
        for published in bridge.published:
            table.append(
                "DOCKER",
                f"-d {published.container}/32",
                f"! -i {bridge.name}",
                f"-o {bridge.name}",
                *port_match(published.protocol, published.port),
                "-j ACCEPT",
            )


def _write_forward(table: Table, bridges: tuple[Bridge, ...]) -> None:
    table.append("FORWARD", "-j DOCKER-USER")
    table.append("FORWARD", "-j DOCKER-ISOLATION-STAGE-1")
    table.chain("DOCKER")
    for bridge in bridges:
        inside, outside = f"-i {bridge.name}", f"! -o {bridge.name}"
        table.append("FORWARD", f"-o {bridge.name}", ESTABLISHED, "-j ACCEPT")
        table.append("FORWARD", f"-o {bridge.name}", "-j DOCKER")
        table.append("FORWARD", inside, outside, "-j ACCEPT")
        table.append("FORWARD", inside, f"-o {bridge.name}", "-j ACCEPT")
        table.append("DOCKER-ISOLATION-STAGE-1", inside, outside, "-j DOCKER-ISOLATION-STAGE-2")
        table.append("DOCKER-ISOLATION-STAGE-2", f"-o {bridge.name}", "-j DROP")
    for chain in ("DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2", "DOCKER-USER"):
        table.append(chain, "-j RETURN")
    _accept_published(table, bridges)


def _write_forward_28(ruleset: Ruleset, bridges: tuple[Bridge, ...]) -> None:
    table = ruleset["filter"]
    table.append("FORWARD", "-j DOCKER-USER")
    table.append("FORWARD", "-j DOCKER-FORWARD")
    table.chain("DOCKER-USER", "DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2")
    for chain in ("DOCKER-CT", "DOCKER-ISOLATION-STAGE-1", "DOCKER-BRIDGE"):
        table.append("DOCKER-FORWARD", f"-j {chain}")
    for bridge in bridges:
        inside, outside = f"-i {bridge.name}", f"! -o {bridge.name}"
        table.append("DOCKER-CT", f"-o {bridge.name}", ESTABLISHED, "-j ACCEPT")
        table.append("DOCKER-BRIDGE", f"-o {bridge.name}", "-j DOCKER")
        table.append("DOCKER-FORWARD", inside, "-j ACCEPT")
        table.append("DOCKER-ISOLATION-STAGE-1", inside, outside, "-j DOCKER-ISOLATION-STAGE-2")
        table.append("DOCKER-ISOLATION-STAGE-2", f"-o {bridge.name}", "-j DROP")
    _accept_published(table, bridges)
    for bridge in bridges:
        table.append("DOCKER", f"! -i {bridge.name}", f"-o {bridge.name}", "-j DROP")
        for published in bridge.published:
            ruleset["raw"].append("PREROUTING", f"-d {published.container}/32", f"! -i {bridge.name}", "-j DROP")


def docker_network(node: Node, bridges: tuple[Bridge, ...]) -> HostNetwork:
    links = [LOOPBACK, ethernet(node)]
    for number, bridge in enumerate(bridges):
        address = f"{bridge.gateway}/{ip_network(bridge.network).prefixlen}"
        links.append(Link(bridge.name, mac_of(bridge.gateway, "02:42"), (address,), details=BRIDGE_DETAILS))
        for container in range(bridge.containers):
            name, mac = f"veth{number}c0ffe{container}", f"ca:fe:00:00:{number:02x}:{container:02x}"
            links.append(
                Link(name, mac, peer="if2", master=bridge.name, netns=f"cg{number}{container}", details="veth")
            )
    sysctls = HOST_SYSCTLS | {"net.bridge.bridge-nf-call-iptables": 1, "net.ipv4.ip_forward": 1}
    return HostNetwork(tuple(links), (gateway_route(node),), sysctls=sysctls)
