"""Hosts outside any cluster: Docker, and a gateway with its own firewall."""

from __future__ import annotations

from ..writers.docker import Bridge, PublishedPort, docker_network, write_docker
from ..writers.firewall import Gateway, firewall_network, write_firewall
from ..writers.model import Node
from ..writers.save import Printer, Ruleset
from .dump import Dump, node_files

DOCKER_HOST = Node("docker-1", "192.168.10.50", 24, "192.168.10.1", "")
BRIDGES = (
    Bridge("docker0", "172.17.0.0/16", (PublishedPort("172.17.0.2", 80, 8080),)),
    Bridge("br-5f3a217c9d0e", "172.18.0.0/16", (PublishedPort("172.18.0.3", 5432, 5432),), containers=2),
)
GATEWAY = Gateway(
    Node("gateway", "198.51.100.2", 30, "198.51.100.1", "", "eth0"),
    inner_interface="eth1",
    inner_networks={4: "192.168.50.0/24", 6: "2001:db8:50::/64"},
    servers={4: "192.168.50.10", 6: "2001:db8:50::10"},
    administrators={4: "192.168.50.0/24", 6: "2001:db8:50::/64"},
    inner_addresses=("192.168.50.1/24", "2001:db8:50::1/64"),
    outer_address6="2001:db8:ff::2/64",
    next_hop6="2001:db8:ff::1",
)


def dumps() -> list[Dump]:
    return [_docker("docker", 24), _docker("docker-28", 28), _firewall()]


def _docker(folder: str, major: int) -> Dump:
    ruleset = Ruleset()
    write_docker(ruleset, BRIDGES, major)
    printer = Printer("1.8.7", "nft") if major < 28 else Printer("1.8.10", "nft")
    files = node_files(ruleset, printer=printer, network=docker_network(DOCKER_HOST, BRIDGES))
    return Dump(folder, "Docker", str(major), "two bridges, each with a published port", files)


def _firewall() -> Dump:
    rulesets = (Ruleset(4), Ruleset(6))
    for ruleset in rulesets:
        write_firewall(ruleset, GATEWAY)
    files = node_files(*rulesets, printer=Printer("1.8.9", counters=True), network=firewall_network(GATEWAY))
    return Dump(
        "firewall",
        "by hand",
        "",
        "a gateway: ssh by rate, http, one forwarded port; the rest is logged and refused",
        files,
    )
