"""Nodes with Antrea, one for each generation of its flow tables, and one before and after a policy."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..writers.antrea.node import AntreaNode
from ..writers.model import Cluster, NetworkPolicy, Pod, PolicyRule, Service
from .example import NGINX_SERVICE, SYSTEM_SERVICES, cluster

BLUE, NGINX_APP, CLIENT_APP = (("team", "blue"),), (("app", "nginx"),), (("app", "client"),)
FRIEND = "10.244.1.13"
PODS = (
    Pod("default", "client", "10.244.1.10", "client-5f0c11", CLIENT_APP),
    Pod("default", "nginx-0", "10.244.1.11", "nginx-0-8a41d2", NGINX_APP),
    Pod("default", "nginx-1", "10.244.1.12", "nginx-1-c7703e", NGINX_APP),
    Pod("default", "friend", FRIEND, "friend-93be27", BLUE),
)
ALLOW_TEAM = NetworkPolicy(
    "default", "allow-team", NGINX_APP, ingress=(PolicyRule("tcp", (80,), "team == 'blue'", (FRIEND, "10.244.2.40")),)
)
SERVICES: tuple[Service, ...] = (
    *SYSTEM_SERVICES[:2],
    NGINX_SERVICE,
    replace(NGINX_SERVICE, name="sticky", cluster_ip="10.96.120.9", affinity_seconds=300),
    replace(NGINX_SERVICE, name="empty", cluster_ip="10.96.120.10", endpoints=()),
)
DNS_ONLY = NetworkPolicy(
    "default",
    "client-egress",
    CLIENT_APP,
    egress=(
        PolicyRule("udp", (53,), peers=("10.244.0.2", "10.244.1.2")),
        PolicyRule("tcp", (80, 8080), peer_networks=("10.244.0.0/16",)),
    ),
)
FROM_OFFICE = NetworkPolicy(
    "default", "from-office", NGINX_APP, ingress=(PolicyRule(peer_networks=("198.51.100.0/24", "203.0.113.0/25")),)
)
NO_TELNET = NetworkPolicy(
    "", "no-telnet", ingress=(PolicyRule("tcp", (23,), action="Deny"),), kind="Antrea", tier="application", order=14600
)
NO_METADATA = NetworkPolicy(
    "",
    "no-metadata",
    NGINX_APP,
    egress=(PolicyRule(peer_networks=("169.254.169.254/32",), action="Deny"),),
    kind="Antrea",
    tier="application",
    order=14599,
)
MONITORING = NetworkPolicy(
    "",
    "monitoring",
    NGINX_APP,
    ingress=(PolicyRule("tcp", (9100,), peers=("10.244.2.60",)),),
    kind="Antrea",
    tier="application",
    order=14598,
)
EVERY_KIND_OF_POLICY = (ALLOW_TEAM, DNS_ONLY, FROM_OFFICE, NO_TELNET, NO_METADATA, MONITORING)


@dataclass(frozen=True)
class AntreaDump:
    """A folder of dumps of one bridge; with `flavours` a folder below for each way to print it."""

    folder: str
    version: str
    story: str
    node: AntreaNode
    flavours: bool = False


def _node(services: tuple[Service, ...], policies: tuple[NetworkPolicy, ...]) -> AntreaNode:
    facts: Cluster = replace(cluster(services), pods=PODS, policies=policies)
    return AntreaNode(facts)


def antrea_dumps() -> list[AntreaDump]:
    story = "four pods, services, policies of both directions and kinds"
    node = _node(SERVICES, EVERY_KIND_OF_POLICY)
    generations = [
        AntreaDump(f"antrea-{version}", version, story, node, flavours=True) for version in ("0.9", "1.2", "1.8", "2.3")
    ]
    return [*generations, *_before_and_after("antrea", "0.9"), *_before_and_after("antrea-2", "2.3")]


def _before_and_after(folder: str, version: str) -> list[AntreaDump]:
    before, after = _node(SERVICES, ()), _node(SERVICES, (ALLOW_TEAM,))
    return [
        AntreaDump(f"{folder}-before", version, "everybody may ask nginx", before),
        AntreaDump(f"{folder}-after", version, "policy default/allow-team: only team blue may ask nginx", after),
    ]
