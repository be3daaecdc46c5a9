"""kube-proxy in ipvs mode, as of Kubernetes 1.30: rules, sets, virtual servers, and the device kube-ipvs0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .ipset import IpSet
from .kube_proxy import Jump
from .kubelet import masquerade_rules
from .model import Cluster, Endpoint, Service, socket_address
from .node import HostNetwork, Link, Route
from .rule import comment
from .save import Ruleset

MINOR = 30
_ACCESS = "kubernetes ipvs access filter"
_FIREWALL = "kube-proxy firewall rules"
_PORTALS = "kubernetes service portals"
JUMPS = (
    Jump("nat", "OUTPUT", "KUBE-SERVICES", _PORTALS),
    Jump("nat", "PREROUTING", "KUBE-SERVICES", _PORTALS),
    Jump("nat", "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules"),
    Jump("filter", "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules"),
    Jump("filter", "INPUT", "KUBE-NODE-PORT", "kubernetes health check rules"),
    Jump("filter", "INPUT", "KUBE-PROXY-FIREWALL", _FIREWALL),
    Jump("filter", "FORWARD", "KUBE-PROXY-FIREWALL", _FIREWALL),
    Jump("filter", "INPUT", "KUBE-IPVS-FILTER", _ACCESS),
    Jump("filter", "OUTPUT", "KUBE-IPVS-OUT-FILTER", _ACCESS),
)
CLUSTER_IP, LOAD_BALANCER, EXTERNAL_IP = "KUBE-CLUSTER-IP", "KUBE-LOAD-BALANCER", "KUBE-EXTERNAL-IP"
SYSCTLS: dict[str, int | str] = {"net.ipv4.vs.conntrack": 1, "net.ipv4.vs.conn_reuse_mode": 0}
SCHEDULER = "rr"


def write_kube_proxy_ipvs(ruleset: Ruleset, cluster: Cluster) -> None:
    for table in ("mangle", "nat", "filter"):
        ruleset[table].chain("KUBE-PROXY-CANARY")
    for jump in JUMPS:
        ruleset[jump.table].chain(jump.chain)
        ruleset[jump.table].prepend(jump.built_in, comment(jump.text), f"-j {jump.chain}")
    _write_nat(ruleset, cluster)
    _write_filter(ruleset)


def _in_set(name: str, directions: str = "dst,dst") -> str:
    return f"-m set --match-set {name} {directions}"


def _write_nat(ruleset: Ruleset, cluster: Cluster) -> None:
    nat = ruleset["nat"]
    hairpin = "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose"
    nat.append("KUBE-POSTROUTING", comment(hairpin), _in_set("KUBE-LOOP-BACK", "dst,dst,src"), "-j MASQUERADE")
    for parts in masquerade_rules(MINOR):
        nat.append("KUBE-POSTROUTING", *parts)
    nat.append("KUBE-MARK-MASQ", "-j MARK --set-xmark 0x4000/0x4000")
    nat.append("KUBE-LOAD-BALANCER", "-j KUBE-MARK-MASQ")
    for name, target, text in (
        ("KUBE-NODE-PORT-LOCAL-TCP", "RETURN", "Kubernetes nodeport TCP port with externalTrafficPolicy=local"),
        ("KUBE-NODE-PORT-TCP", "KUBE-MARK-MASQ", "Kubernetes nodeport TCP port for masquerade purpose"),
    ):
        nat.append("KUBE-NODE-PORT", "-p tcp", comment(text), _in_set(name, "dst"), f"-j {target}")
    for parts in _service_rules(cluster):
        nat.append("KUBE-SERVICES", *parts)


def _service_rules(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    masquerade = "-j KUBE-MARK-MASQ"
    purpose = comment("Kubernetes service cluster ip + port for masquerade purpose")
    external = comment("Kubernetes service external ip + port for masquerade and filter purpose")
    yield "-s 127.0.0.0/8", "-j RETURN"
    yield comment("Kubernetes service lb portal"), _in_set(LOAD_BALANCER), "-j KUBE-LOAD-BALANCER"
    yield f"! -s {cluster.pod_cidr}", purpose, _in_set(CLUSTER_IP), masquerade
    yield external, _in_set(EXTERNAL_IP), masquerade
    from_afar = "-m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL"
    yield external, _in_set(EXTERNAL_IP), from_afar, "-j ACCEPT"
    yield external, _in_set(EXTERNAL_IP), "-m addrtype --dst-type LOCAL", "-j ACCEPT"
    yield "-m addrtype --dst-type LOCAL", "-j KUBE-NODE-PORT"
    for name in (CLUSTER_IP, LOAD_BALANCER):
        yield _in_set(name), "-j ACCEPT"


def _write_filter(ruleset: Ruleset) -> None:
    table = ruleset["filter"]
    forwarding = "kubernetes forwarding rules"
    table.append("KUBE-FORWARD", comment(forwarding), "-m mark --mark 0x4000/0x4000", "-j ACCEPT")
    established = "-m conntrack --ctstate RELATED,ESTABLISHED"
    table.append("KUBE-FORWARD", comment("kubernetes forwarding conntrack rule"), established, "-j ACCEPT")
    health = comment("Kubernetes health check node port")
    table.append("KUBE-NODE-PORT", health, _in_set("KUBE-HEALTH-CHECK-NODE-PORT", "dst"), "-j ACCEPT")
    limited = comment("Kubernetes service load balancer ip + port for load balancer with sourceRange")
    table.append("KUBE-PROXY-FIREWALL", limited, _in_set("KUBE-LOAD-BALANCER-FW"), "-j KUBE-SOURCE-RANGES-FIREWALL")
    table.append("KUBE-SOURCE-RANGES-FIREWALL", _in_set("KUBE-LOAD-BALANCER-SOURCE-CIDR", "dst,dst,src"), "-j RETURN")
    table.append("KUBE-SOURCE-RANGES-FIREWALL", "-j DROP")
    for chain in ("KUBE-IPVS-FILTER", "KUBE-IPVS-OUT-FILTER"):
        for name in (LOAD_BALANCER, CLUSTER_IP, EXTERNAL_IP):
            table.append(chain, _in_set(name), "-j RETURN")
        if chain == "KUBE-IPVS-FILTER":
            table.append(chain, _in_set("KUBE-HEALTH-CHECK-NODE-PORT", "dst"), "-j RETURN")
        reject = "-j REJECT --reject-with icmp-port-unreachable"
        table.append(chain, "-m conntrack --ctstate NEW", _in_set("KUBE-IPVS-IPS", "dst"), reject)


# What the sets hold


def ipvs_sets(cluster: Cluster) -> list[IpSet]:
    services = cluster.services

    def fronts(addresses: str, of: list[Service]) -> tuple[str, ...]:
        return tuple(f"{ip},{s.protocol}:{s.port}" for s in of for ip in getattr(s, addresses))

    every = list(services)
    limited = [s for s in services if s.lb_ips and s.source_ranges]
    near = [s for s in services if s.external_policy == "Local"]
    loops = {f"{e.address},{s.protocol}:{e.port},{e.address}" for s in services for e in s.local_endpoints}
    ranges = tuple(f"{front},{net}" for s in limited for front in fronts("lb_ips", [s]) for net in s.source_ranges)
    node_ports = [s for s in services if s.node_port and s.protocol == "tcp"]
    vips = dict.fromkeys(ip for ip in service_addresses(cluster))
    rows = (
        ("KUBE-LOOP-BACK", "hash:ip,port,ip", tuple(sorted(loops))),
        (CLUSTER_IP, "hash:ip,port", tuple(f"{s.cluster_ip},{s.protocol}:{s.port}" for s in services)),
        (EXTERNAL_IP, "hash:ip,port", fronts("external_ips", every)),
        (LOAD_BALANCER, "hash:ip,port", fronts("lb_ips", every)),
        ("KUBE-LOAD-BALANCER-LOCAL", "hash:ip,port", fronts("lb_ips", near)),
        ("KUBE-LOAD-BALANCER-FW", "hash:ip,port", fronts("lb_ips", limited)),
        ("KUBE-LOAD-BALANCER-SOURCE-CIDR", "hash:ip,port,net", ranges),
        ("KUBE-NODE-PORT-TCP", "bitmap:port", tuple(str(s.node_port) for s in node_ports)),
        ("KUBE-NODE-PORT-LOCAL-TCP", "bitmap:port", tuple(str(s.node_port) for s in node_ports if s in near)),
        (
            "KUBE-HEALTH-CHECK-NODE-PORT",
            "bitmap:port",
            tuple(str(s.health_node_port) for s in services if s.health_node_port),
        ),
        ("KUBE-IPVS-IPS", "hash:ip", tuple(vips)),
    )
    return [IpSet(name, kind, members, max_elements=65536) for name, kind, members in rows]


def service_addresses(cluster: Cluster) -> list[str]:
    every = [ip for s in cluster.services for ip in (s.cluster_ip, *s.external_ips, *s.lb_ips)]
    return list(dict.fromkeys(every))


# Virtual servers


@dataclass(frozen=True)
class VirtualServer:
    """A front of a service: one of its addresses, or a node port at an address of the node."""

    protocol: str
    address: str
    port: int
    endpoints: tuple[Endpoint, ...]
    affinity_seconds: int = 0

    @property
    def option(self) -> str:
        kind = {"tcp": "-t", "udp": "-u"}.get(self.protocol, f"--{self.protocol}-service")
        return f"{kind} {socket_address(self.address, self.port)}"


def virtual_servers(cluster: Cluster, node_addresses: tuple[str, ...]) -> list[VirtualServer]:
    return [server for service in cluster.services for server in _fronts(service, node_addresses)]


def _fronts(service: Service, node_addresses: tuple[str, ...]) -> Iterator[VirtualServer]:
    inside = service.local_endpoints if service.internal_policy == "Local" else service.endpoints
    outside = service.local_endpoints if service.external_policy == "Local" else service.endpoints

    def front(address: str, port: int, endpoints: tuple[Endpoint, ...]) -> VirtualServer:
        return VirtualServer(service.protocol, address, port, endpoints, service.affinity_seconds)

    yield front(service.cluster_ip, service.port, inside)
    for address in (*service.external_ips, *service.lb_ips):
        yield front(address, service.port, outside)
    for address in node_addresses if service.node_port else ():
        yield front(address, service.node_port, outside)


def ipvsadm_save(servers: list[VirtualServer]) -> str:
    """`ipvsadm -Sn`; kube-proxy gives every endpoint the weight 1."""
    lines = []
    for server in servers:
        persistent = f" -p {server.affinity_seconds}" if server.affinity_seconds else ""
        lines.append(f"-A {server.option} -s {SCHEDULER}{persistent}")
        lines += [f"-a {server.option} -r {endpoint} -m -w 1" for endpoint in server.endpoints]
    return "".join(f"{line}\n" for line in lines)


def with_service_device(network: HostNetwork, cluster: Cluster) -> HostNetwork:
    """kube-ipvs0 is down, but the addresses on it are the node's own."""
    addresses = service_addresses(cluster)
    device = Link("kube-ipvs0", "8e:41:c2:07:5b:d9", tuple(f"{ip}/32" for ip in addresses), up=False, arp=False)
    local = [Route(ip, f"dev kube-ipvs0 proto kernel scope host src {ip}", "local", "local") for ip in addresses]
    device = replace(device, details="dummy")
    sysctls = {**network.sysctls, **SYSCTLS}
    return replace(network, links=(*network.links, device), routes=(*network.routes, *local), sysctls=sysctls)
