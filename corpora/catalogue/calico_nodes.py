"""Nodes with Calico: what a NetworkPolicy changes, and how releases differ."""

from __future__ import annotations

from dataclasses import replace

from ..writers.calico import (
    Encapsulation,
    calico_network,
    calico_sets,
    interface_name,
    namespaced_selector,
    write_calico,
)
from ..writers.model import Cluster, NetworkPolicy, Pod, PolicyRule
from ..writers.node import FORWARDS_IPV6
from ..writers.save import Printer
from .dump import Dump, node_files
from .example import NGINX_SERVICE, SYSTEM_SERVICES, cluster, cluster6
from .kube_proxy_nodes import kube_ruleset

STORY_RELEASE, STORY_KUBERNETES = 27, 28
STORY_PRINTER = Printer("1.8.8")
NGINX_LABELS = (("app", "nginx"),)


def pod(name: str, address: str, labels: dict[str, str], namespace: str = "default", account: str = "default") -> Pod:
    return Pod(namespace, name, address, interface_name(namespace, name), tuple(labels.items()), account)


PODS = (
    pod("coredns-5d78c9869d-7xk2p", "10.244.1.2", {"k8s-app": "kube-dns"}, "kube-system", "coredns"),
    pod("nginx-7c5ddbdf54-4qj8n", "10.244.1.11", {"app": "nginx"}),
    pod("nginx-7c5ddbdf54-w2m6t", "10.244.1.12", {"app": "nginx"}),
    pod("client", "10.244.1.10", {"run": "client", "team": "blue"}),
)
DENY_NGINX = NetworkPolicy("default", "deny-nginx", NGINX_LABELS, ingress=())
TEAM_TO_HTTP = PolicyRule(
    "tcp",
    (80,),
    peer_selector=namespaced_selector("default", [("team", "blue")]),
    peers=("10.244.1.10", "10.244.2.9"),
)
ALLOW_TEAM = NetworkPolicy("default", "allow-team", NGINX_LABELS, ingress=(TEAM_TO_HTTP,))
NGINX_EGRESS = NetworkPolicy(
    "default",
    "nginx-egress",
    NGINX_LABELS,
    egress=(
        PolicyRule(
            "udp",
            (53,),
            peer_selector=namespaced_selector("kube-system", [("k8s-app", "kube-dns")]),
            peers=("10.244.0.2", "10.244.1.2"),
        ),
        PolicyRule("tcp", (443,), peer_networks=("0.0.0.0/0",), except_networks=("10.0.0.0/8", "169.254.169.254/32")),
        PolicyRule("tcp", tuple(range(8000, 8018)), peer_networks=("192.168.0.0/16", "172.16.0.0/12")),
    ),
)
PLATFORM_TIER = (
    NetworkPolicy(
        "",
        "quarantine",
        (("quarantine", "true"),),
        (PolicyRule(action="Deny"),),
        kind="Calico",
        tier="platform",
        order=10,
    ),
    NetworkPolicy(
        "",
        "defaults",
        NGINX_LABELS,
        (
            PolicyRule("tcp", (23,), action="Log"),
            PolicyRule("tcp", (23,), action="Deny"),
            PolicyRule(action="Pass"),
        ),
        kind="Calico",
        tier="platform",
        order=20,
    ),
)


def story_cluster(*policies: NetworkPolicy, pods: tuple[Pod, ...] = PODS) -> Cluster:
    return replace(cluster((*SYSTEM_SERVICES, NGINX_SERVICE)), pods=pods, policies=policies)


def dumps() -> list[Dump]:
    return [
        _dual_stack(),
        _dump("calico-before", story_cluster(), "no policy: client reaches nginx through its namespace's profile"),
        _dump("calico-after", story_cluster(DENY_NGINX), "default/deny-nginx: no ingress to app=nginx at all"),
        _dump("calico-allow-team", story_cluster(ALLOW_TEAM), "default/allow-team: tcp/80 from team=blue only"),
        _dump("calico-3.16", _busy(), "policies of both directions", 16, 18, "vxlan", Printer("1.8.4")),
        _dump("calico-3.22", _busy(), "policies of both directions", 22, 23, "vxlan", Printer("1.8.7", counters=True)),
        _dump(
            "calico-3.30",
            _busy(*PLATFORM_TIER),
            "a tier before the default one; a group of policies",
            30,
            32,
            "vxlan",
            Printer("1.8.8", "nft"),
        ),
    ]


def _dual_stack() -> Dump:
    """Calico polices both families through the same interfaces."""
    facts = story_cluster(ALLOW_TEAM, NGINX_EGRESS)
    allow_team6 = replace(ALLOW_TEAM, ingress=(replace(TEAM_TO_HTTP, peers=("fd00:244:1::10", "fd00:244:2::9")),))
    no_smtp = PolicyRule("tcp", (25,), peer_networks=("2001:db8::/32",), action="Deny")
    calico_policy = NetworkPolicy("", "no-smtp", NGINX_LABELS, egress=(no_smtp,), kind="Calico", order=500)
    facts6 = replace(cluster6(), pods=PODS, policies=(allow_team6, calico_policy))
    ruleset, ruleset6 = kube_ruleset(facts, 29), kube_ruleset(facts6, 29, 6)
    write_calico(ruleset, facts, 28, encapsulation="none")
    write_calico(ruleset6, facts6, 28, encapsulation="none")
    routes6 = tuple(f"fd00:244:1::{each.address.split('.')[-1]} dev {each.interface} metric 1024" for each in PODS)
    network = calico_network(facts, "none")
    files = node_files(
        ruleset,
        ruleset6,
        printer=Printer("1.8.8", "nft"),
        network=replace(network, routes6=routes6, sysctls=network.sysctls | FORWARDS_IPV6),
        sets=[*calico_sets(facts, 4, "none"), *calico_sets(facts6, 6, "none")],
    )
    return Dump(
        "calico-dual-stack", "Calico, kube-proxy", "3.28, 1.29", "policies for both families, no tunnels", files
    )


def _busy(*more: NetworkPolicy) -> Cluster:
    quarantined = pod("suspect-0", "10.244.1.66", {"quarantine": "true", "app": "nginx"})
    batch = tuple(pod(f"batch-{number}", f"10.244.1.{100 + number}", {"job": "batch"}, "batch") for number in range(6))
    policies = (DENY_NGINX, ALLOW_TEAM, NGINX_EGRESS, *more)
    return story_cluster(*policies, pods=(*PODS, quarantined, *batch))


def _dump(
    folder: str,
    facts: Cluster,
    story: str,
    minor: int = STORY_RELEASE,
    kubernetes: int = STORY_KUBERNETES,
    encapsulation: Encapsulation = "ipip",
    printer: Printer = STORY_PRINTER,
) -> Dump:
    ruleset = kube_ruleset(facts, kubernetes)
    write_calico(ruleset, facts, minor, encapsulation=encapsulation)
    files = node_files(
        ruleset,
        printer=printer,
        network=calico_network(facts, encapsulation),
        sets=calico_sets(facts, 4, encapsulation),
    )
    return Dump(folder, "Calico, kube-proxy", f"3.{minor}, 1.{kubernetes}", story, files)
