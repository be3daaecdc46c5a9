"""A node of Antrea: its cluster, and the ports of its bridge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network

from ..model import Cluster, Pod
from .bridge import Flow
from .release import Release

TUNNEL, GATEWAY, FIRST_POD = 1, 2, 3
TUNNEL_PORT, GATEWAY_PORT = "antrea-tun0", "antrea-gw0"
GATEWAY_MAC = "0e:5a:12:c0:41:9d"
VIRTUAL_MAC = "aa:bb:cc:dd:ee:ff"
ZONE, SNAT_ZONE = 65520, 65521


def pod_mac(port: int) -> str:
    return f"02:50:d0:00:00:{port:02x}"


@dataclass(frozen=True)
class PodPort:
    pod: Pod
    number: int

    @property
    def mac(self) -> str:
        return pod_mac(self.number)


@dataclass(frozen=True)
class AntreaNode:
    cluster: Cluster

    @property
    def pods(self) -> tuple[PodPort, ...]:
        return tuple(PodPort(pod, FIRST_POD + place) for place, pod in enumerate(self.cluster.pods))

    @property
    def gateway(self) -> str:
        """The address of the gateway: the first of the node's pod network."""
        return str(ip_network(self.cluster.node.pod_cidr)[1])

    @property
    def ports(self) -> dict[str, int]:
        pods = {port.pod.interface: port.number for port in self.pods}
        return {TUNNEL_PORT: TUNNEL, GATEWAY_PORT: GATEWAY} | pods

    def peers(self) -> Iterator[tuple[str, str, str]]:
        """Pod network, gateway and address of each other node."""
        for peer in self.cluster.peers:
            yield peer.pod_cidr, str(ip_network(peer.pod_cidr)[1]), peer.address


@dataclass(frozen=True)
class Writer:
    """What the writers of single features share: the node, the release, and how a flow of theirs is made."""

    node: AntreaNode
    release: Release
    category: int

    def flow(self, table: str, priority: int, match: str, *actions: str, thing: int = 0) -> Flow:
        cookie = self.release.cookie(self.category, thing)
        return Flow(self.release.tables[table], priority, match, ",".join(actions) or "drop", cookie)

    def miss(self, table: str, *actions: str) -> Flow:
        """What a table does with the rest belongs to no feature."""
        default = replace(self, category=self.release.cookies.default)
        return default.flow(table, 0, "", *actions)
