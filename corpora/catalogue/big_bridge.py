"""One bridge of a big cluster with Antrea, for benchmarks: services, and policies that name many addresses."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from ..writers.antrea import write_antrea
from ..writers.antrea.bridge import Bridge
from ..writers.antrea.node import AntreaNode
from ..writers.model import Cluster, Endpoint, NetworkPolicy, Pod, PolicyRule, Service
from .example import PEERS, WORKER

VERSION = "2.3"
PODS, SERVICES, ENDPOINTS, POLICIES = 100, 5_000, 3, 200
FLOWS_OF_A_SERVICE = ENDPOINTS + 1
FIRST_SERVICE, FIRST_ENDPOINT = IPv4Address("10.96.0.1"), IPv4Address("10.130.0.1")


def big_bridge(flows: int) -> Bridge:
    """A bridge of about so many flows, four fifths of them the peers of policies."""
    services = min(SERVICES, flows // 20)
    peers = max(1, (flows - services * FLOWS_OF_A_SERVICE) // POLICIES)
    pods = tuple(_pods())
    facts = Cluster(
        "10.244.0.0/16", "10.96.0.0/12", WORKER, PEERS, pods, tuple(_services(services)), tuple(_policies(peers))
    )
    return write_antrea(AntreaNode(facts), VERSION)


def _pods() -> Iterator[Pod]:
    for number in range(PODS):
        labels = (("app", f"app-{number % 10}"),)
        address = str(IPv4Address("10.244.1.10") + number)
        yield Pod(
            f"team-{number % 10}", f"pod-{number:03}", address, f"pod-{number:03}-{number * 7919 % 65536:04x}", labels
        )


def _services(count: int) -> Iterator[Service]:
    for number in range(count):
        start = FIRST_ENDPOINT + number * ENDPOINTS
        endpoints = tuple(Endpoint(str(start + index), 8080) for index in range(ENDPOINTS))
        yield Service("default", f"service-{number:05}", "http", "tcp", 80, str(FIRST_SERVICE + number), endpoints)


def _policies(peers: int) -> Iterator[NetworkPolicy]:
    """Each selects the pods of one app for ingress; every fifth of them for egress."""
    for number in range(POLICIES):
        first = IPv4Address("10.160.0.1") + number * peers
        rule = PolicyRule("tcp", (8000 + number,), peers=tuple(str(first + index) for index in range(peers)))
        selects = (("app", f"app-{number % 10}"),)
        sides = {"egress": (rule,)} if number % 5 == 0 else {"ingress": (rule,)}
        yield NetworkPolicy("", f"policy-{number:04}", selects, **sides)  # type: ignore[arg-type]
