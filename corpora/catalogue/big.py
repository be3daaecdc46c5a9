"""One node of a big cluster, for benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from ..writers.calico import calico_network, calico_sets, interface_name, namespaced_selector, write_calico
from ..writers.hosts import plain_network
from ..writers.kube_proxy import write_kube_proxy
from ..writers.kubelet import write_kubelet
from ..writers.model import Cluster, Endpoint, NetworkPolicy, Node, Pod, PolicyRule, Service
from ..writers.save import Backend, Printer, Ruleset
from .dump import node_files
from .example import PEERS, WORKER

MINOR, CALICO_MINOR = 27, 27


@dataclass(frozen=True)
class Size:
    services: int = 5000
    endpoints: int = 3
    pods: int = 0
    policies: int = 0
    members: int = 0
    comments: bool = True


def big_node(size: Size, backend: Backend = "legacy") -> dict[str, str]:
    facts = _cluster(size)
    ruleset = Ruleset()
    write_kubelet(ruleset, MINOR)
    write_kube_proxy(ruleset, facts, MINOR, endpoint_comments=size.comments)
    printer = Printer("1.8.8", backend)
    if not size.pods:
        return node_files(ruleset, printer=printer, network=plain_network(facts.node))
    write_calico(ruleset, facts, CALICO_MINOR)
    sets = calico_sets(facts, 4, "ipip")
    return node_files(ruleset, printer=printer, network=calico_network(facts, "ipip"), sets=sets)


def _cluster(size: Size) -> Cluster:
    node = replace(WORKER, pod_cidr="10.128.0.0/20")
    return Cluster(
        "10.128.0.0/10",
        "10.64.0.0/12",
        node,
        _peers(),
        tuple(_pods(size)),
        tuple(_services(size)),
        tuple(_policies(size)),
    )


def _peers() -> tuple[Node, ...]:
    return tuple(replace(peer, pod_cidr=f"10.129.{16 * index}.0/20") for index, peer in enumerate(PEERS))


def _services(size: Size) -> Iterator[Service]:
    first_endpoint, first_service = IPv4Address("10.130.0.1"), IPv4Address("10.64.0.1")
    for number in range(size.services):
        start = first_endpoint + number * size.endpoints
        endpoints = tuple(Endpoint(str(start + index), 8080) for index in range(size.endpoints))
        namespace = f"team-{number % 50:02}"
        yield Service(namespace, f"service-{number:05}", "http", "tcp", 80, str(first_service + number), endpoints)


def _pods(size: Size) -> Iterator[Pod]:
    first = IPv4Address("10.128.0.4")
    for number in range(size.pods):
        namespace, name = f"team-{number % 50:02}", f"pod-{number:04}"
        labels = (("app", f"app-{number % 10}"),)
        yield Pod(namespace, name, str(first + number), interface_name(namespace, name), labels)


def _policies(size: Size) -> Iterator[NetworkPolicy]:
    first = IPv4Address("10.160.0.1")
    for number in range(size.policies):
        namespace = f"team-{number % 50:02}"
        peers = tuple(str(first + number * size.members + index) for index in range(size.members))
        selector = namespaced_selector("clients", [("caller", f"caller-{number}")])
        wanted = PolicyRule("tcp", (8000 + number % 1000,), peer_selector=selector, peers=peers)
        yield NetworkPolicy(namespace, f"policy-{number:04}", (), ingress=(wanted,))
