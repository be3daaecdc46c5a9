"""Whole pipelines of Antrea, as the corpora write them, for nodes made up at random."""

from __future__ import annotations

from dataclasses import dataclass

from corpora.writers.antrea import write_antrea
from corpora.writers.antrea.node import AntreaNode
from corpora.writers.antrea.release import RELEASES
from corpora.writers.model import Cluster, Direction, Endpoint, NetworkPolicy, Node, PolicyRule
from corpora.writers.model import Pod as WrittenPod
from corpora.writers.model import Service as WrittenService
from tests.oracle.ovs.pipeline import Pipeline
from tests.oracle.ovs.world import PORTS, TRANSPORTS, Pod, Service, Site

Rules = tuple[PolicyRule, ...]
NODE = Node("here", "192.168.77.100", 24, "192.168.77.1", "10.10.0.0/24")


def antrea_pipeline(site: Site) -> Pipeline:
    """For a site with IPv4."""
    bridge = write_antrea(_Drawn(site).node(), site.random.choice(list(RELEASES)))
    return Pipeline(tuple(map(str, bridge.groups)), tuple(map(str, bridge.flows)), bridge.tables, connections=True)


@dataclass(frozen=True, slots=True)
class _Drawn:
    site: Site

    def node(self) -> AntreaNode:
        pods = tuple(map(_pod, self.site.pods))
        peers = tuple(
            Node(f"node-{peer}", f"192.168.77.{peer}", 24, "192.168.77.1", self.site.network(4, peer))
            for peer in self.site.peers
        )
        services = tuple(_service(service) for service in self.site.services)
        cluster = Cluster("10.10.0.0/16", "10.96.0.0/12", NODE, peers, pods, services, tuple(self._policies()))
        return AntreaNode(cluster)

    def _policies(self) -> list[NetworkPolicy]:
        """Rules of Kubernetes for different pods, since all have one priority; Antrea's own each with its priority."""
        pods = self.site.random.sample(self.site.pods, len(self.site.pods))
        kubernetes = [self._policy(pod, "ingress") for pod in pods if self.site.chance(0.4)]
        kubernetes += [self._policy(pod, "egress") for pod in pods if self.site.chance(0.3)]
        return kubernetes + [self._native(14600 - place) for place in range(self.site.random.choice((0, 0, 1, 2)))]

    def _policy(self, pod: Pod, direction: Direction) -> NetworkPolicy:
        rules = (self._rule("Allow"),) if self.site.chance(0.8) else ()
        return NetworkPolicy("default", f"{direction}-{pod.port}", _labels(pod), *_sided(direction, rules))

    def _native(self, priority: int) -> NetworkPolicy:
        random = self.site.random
        ways: tuple[Direction, ...] = ("ingress", "egress")
        rules = _sided(random.choice(ways), (self._rule(random.choice(("Allow", "Deny"))),))
        selects = _labels(random.choice(self.site.pods)) if self.site.chance(0.6) else ()
        return NetworkPolicy("", f"native-{priority}", selects, *rules, kind="Antrea", order=priority)

    def _rule(self, action: str) -> PolicyRule:
        random = self.site.random
        peers = tuple(sorted({self.site.address(4) for _ in range(random.choice((0, 1, 2)))}))
        networks = ("10.10.0.0/16",) if self.site.chance(0.3) else ()
        ports = tuple(random.sample(PORTS, random.choice((0, 1, 2))))
        rule = PolicyRule(random.choice(TRANSPORTS) if ports else "", ports, peers=peers, peer_networks=networks)
        return rule if action == "Allow" else PolicyRule(rule.protocol, ports, "", peers, networks, action="Deny")


def _sided(direction: Direction, rules: Rules) -> tuple[Rules | None, Rules | None]:
    """Ingress and egress."""
    return (rules, None) if direction == "ingress" else (None, rules)


def _labels(pod: Pod) -> tuple[tuple[str, str], ...]:
    return (("pod", str(pod.port)),)


def _pod(pod: Pod) -> WrittenPod:
    return WrittenPod("default", f"pod-{pod.port}", pod.address(4), f"pod-{pod.port}", _labels(pod))


def _service(service: Service) -> WrittenService:
    endpoints = tuple(Endpoint(pod.address(4), port, local=True) for pod, port in service.endpoints)
    seconds = 300 if service.sticky else 0
    name, address = f"service-{service.number}", service.address(4)
    return WrittenService(
        "default", name, "", service.protocol, service.port, address, endpoints, affinity_seconds=seconds
    )
