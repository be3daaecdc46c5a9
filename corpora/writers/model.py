"""The cluster facts that every writer reads."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

Family = Literal[4, 6]
TrafficPolicy = Literal["Cluster", "Local"]
Direction = Literal["ingress", "egress"]


def family_of(address: str) -> Family:
    return 6 if ":" in address else 4


def host(address: str) -> str:
    """An address or network as iptables prints it: hosts carry their full mask."""
    if "/" in address:
        return address
    return f"{address}/{ip_address(address).max_prefixlen}"


def socket_address(address: str, port: int) -> str:
    return f"[{address}]:{port}" if family_of(address) == 6 else f"{address}:{port}"


@dataclass(frozen=True)
class Endpoint:
    address: str
    port: int
    local: bool = False

    def __str__(self) -> str:
        return socket_address(self.address, self.port)


@dataclass(frozen=True)
class Service:
    """One port of a Kubernetes service, in one family."""

    namespace: str
    name: str
    port_name: str
    protocol: str
    port: int
    cluster_ip: str
    endpoints: tuple[Endpoint, ...] = ()
    node_port: int = 0
    health_node_port: int = 0
    external_ips: tuple[str, ...] = ()
    lb_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    external_policy: TrafficPolicy = "Cluster"
    internal_policy: TrafficPolicy = "Cluster"
    affinity_seconds: int = 0

    @property
    def local_endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(endpoint for endpoint in self.endpoints if endpoint.local)

    @property
    def is_external(self) -> bool:
        return bool(self.node_port or self.external_ips or self.lb_ips)


@dataclass(frozen=True)
class Pod:
    namespace: str
    name: str
    address: str
    interface: str
    labels: tuple[tuple[str, str], ...] = ()
    service_account: str = "default"

    def has_labels(self, wanted: tuple[tuple[str, str], ...]) -> bool:
        return set(wanted) <= set(self.labels)


@dataclass(frozen=True)
class PolicyRule:
    """What one ingress or egress rule of a policy says; empty fields match everything.

    `peer_selector` is a selector as Calico spells it, `peers` the addresses it selects now.
    """

    protocol: str = ""
    ports: tuple[int, ...] = ()
    peer_selector: str = ""
    peers: tuple[str, ...] = ()
    peer_networks: tuple[str, ...] = ()
    except_networks: tuple[str, ...] = ()
    action: Literal["Allow", "Deny", "Pass", "Log"] = "Allow"


@dataclass(frozen=True)
class NetworkPolicy:
    """`ingress` or `egress` is None where the policy does not govern that direction."""

    namespace: str
    name: str
    selects: tuple[tuple[str, str], ...] = ()
    ingress: tuple[PolicyRule, ...] | None = None
    egress: tuple[PolicyRule, ...] | None = None
    kind: Literal["Kubernetes", "Calico", "Antrea"] = "Kubernetes"
    tier: str = "default"
    order: int = 1000

    def rules(self, direction: Direction) -> tuple[PolicyRule, ...] | None:
        return self.ingress if direction == "ingress" else self.egress

    def applies_to(self, pod: Pod) -> bool:
        return self.namespace in ("", pod.namespace) and pod.has_labels(self.selects)


@dataclass(frozen=True)
class Node:
    name: str
    address: str
    prefix_length: int
    gateway: str
    pod_cidr: str
    interface: str = "eth0"


@dataclass(frozen=True)
class Cluster:
    pod_cidr: str
    service_cidr: str
    node: Node
    peers: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    services: tuple[Service, ...] = ()
    policies: tuple[NetworkPolicy, ...] = ()
