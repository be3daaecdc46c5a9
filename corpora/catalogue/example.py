"""The example cluster that most of the nodes belong to."""

from __future__ import annotations

from dataclasses import replace

from ..writers.model import Cluster, Endpoint, Node, Service

WORKER = Node("worker-1", "192.168.10.11", 24, "192.168.10.1", "10.244.1.0/24")
WORKER6 = Node("worker-1", "2001:db8:10::11", 64, "2001:db8:10::1", "fd00:244:1::/64")
PEERS = (
    Node("control-plane", "192.168.10.10", 24, "192.168.10.1", "10.244.0.0/24"),
    Node("worker-2", "192.168.10.12", 24, "192.168.10.1", "10.244.2.0/24"),
)
DNS = (Endpoint("10.244.0.2", 53), Endpoint("10.244.1.2", 53, local=True))
DNS_METRICS = tuple(replace(endpoint, port=9153) for endpoint in DNS)
NGINX = (Endpoint("10.244.1.11", 80, local=True), Endpoint("10.244.1.12", 80, local=True))

SYSTEM_SERVICES = (
    Service("default", "kubernetes", "https", "tcp", 443, "10.96.0.1", (Endpoint("192.168.10.10", 6443),)),
    Service("kube-system", "kube-dns", "dns", "udp", 53, "10.96.0.10", DNS),
    Service("kube-system", "kube-dns", "dns-tcp", "tcp", 53, "10.96.0.10", DNS),
    Service("kube-system", "kube-dns", "metrics", "tcp", 9153, "10.96.0.10", DNS_METRICS),
)
NGINX_SERVICE = Service("default", "nginx", "", "tcp", 80, "10.96.120.8", NGINX)

_SHOP = (
    Endpoint("10.244.1.21", 8080, local=True),
    Endpoint("10.244.2.21", 8080),
    Endpoint("10.244.2.22", 8080),
)
_FAR = (Endpoint("10.244.2.31", 9000), Endpoint("10.244.2.32", 9000))
EVERY_KIND_OF_SERVICE = (
    *SYSTEM_SERVICES,
    NGINX_SERVICE,
    Service("shop", "catalog", "http", "tcp", 80, "10.96.33.10", _SHOP, node_port=30080),
    Service("shop", "cart", "http", "tcp", 80, "10.96.33.11", _SHOP, affinity_seconds=10800),
    Service(
        "shop",
        "front",
        "https",
        "tcp",
        443,
        "10.96.33.12",
        _SHOP,
        node_port=30443,
        lb_ips=("203.0.113.10",),
        source_ranges=("198.51.100.0/24", "192.168.0.0/16"),
    ),
    Service(
        "shop",
        "front-local",
        "https",
        "tcp",
        443,
        "10.96.33.13",
        _SHOP,
        node_port=30444,
        health_node_port=31444,
        lb_ips=("203.0.113.11",),
        external_policy="Local",
    ),
    Service(
        "shop",
        "elsewhere",
        "api",
        "tcp",
        9000,
        "10.96.33.14",
        _FAR,
        node_port=30900,
        health_node_port=31900,
        lb_ips=("203.0.113.12",),
        external_policy="Local",
    ),
    Service("shop", "legacy", "http", "tcp", 80, "10.96.33.15", _SHOP, external_ips=("203.0.113.20",)),
    Service("shop", "agent", "", "udp", 8125, "10.96.33.16", _FAR[:1], internal_policy="Local"),
    Service(
        "shop",
        "cache",
        "",
        "tcp",
        6379,
        "10.96.33.17",
        (Endpoint("10.244.1.40", 6379, local=True), Endpoint("10.244.2.40", 6379)),
        internal_policy="Local",
    ),
    Service("shop", "scaled-to-zero", "http", "tcp", 80, "10.96.33.18"),
    Service("shop", "gone", "http", "tcp", 80, "10.96.33.19", node_port=30999, lb_ips=("203.0.113.13",)),
    Service("telco", "signal", "", "sctp", 7777, "10.96.33.20", (Endpoint("10.244.2.50", 7777),)),
)


def cluster(services: tuple[Service, ...] = EVERY_KIND_OF_SERVICE) -> Cluster:
    return Cluster("10.244.0.0/16", "10.96.0.0/12", WORKER, PEERS, services=services)


def cluster6() -> Cluster:
    """The same cluster's IPv6 half."""

    def endpoints(port: int) -> tuple[Endpoint, ...]:
        return (Endpoint("fd00:244:1::4", port, local=True), Endpoint("fd00:244:2::4", port))

    services = (
        Service("default", "web", "http", "tcp", 80, "fd00:96::8", endpoints(8080), node_port=30080),
        Service("kube-system", "kube-dns", "dns", "udp", 53, "fd00:96::a", endpoints(53), affinity_seconds=600),
        Service("shop", "empty", "http", "tcp", 80, "fd00:96::33:18"),
    )
    return Cluster("fd00:244::/32", "fd00:96::/112", WORKER6, services=services)
