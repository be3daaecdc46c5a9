"""kube-proxy in iptables mode, from Kubernetes 1.16 on."""

from __future__ import annotations

from dataclasses import dataclass

from . import kube_external, kube_xlb
from .kube_context import Proxy
from .kubelet import masquerade_rules, write_localhost_guard
from .model import Cluster
from .rule import comment
from .save import Ruleset

NEW = "-m conntrack --ctstate NEW"
LARGE_CLUSTER_ENDPOINTS = 1000


@dataclass(frozen=True)
class Jump:
    table: str
    built_in: str
    chain: str
    text: str
    match: str = ""
    since: int = 0
    until: int = 99


# In the order kube-proxy asserts them; each goes on top of its chain.
_EXTERNAL = "kubernetes externally-visible service portals"
_PORTALS = "kubernetes service portals"
_FIREWALL = "kubernetes load balancer firewall"
JUMPS = (
    Jump("filter", "INPUT", "KUBE-EXTERNAL-SERVICES", _EXTERNAL, NEW),
    Jump("filter", "FORWARD", "KUBE-EXTERNAL-SERVICES", _EXTERNAL, NEW, since=19),
    Jump("filter", "INPUT", "KUBE-NODEPORTS", "kubernetes health check service ports", since=21),
    Jump("filter", "FORWARD", "KUBE-SERVICES", _PORTALS, NEW),
    Jump("filter", "OUTPUT", "KUBE-SERVICES", _PORTALS, NEW),
    Jump("filter", "INPUT", "KUBE-SERVICES", _PORTALS, NEW, until=18),
    Jump("filter", "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules"),
    Jump("filter", "INPUT", "KUBE-PROXY-FIREWALL", _FIREWALL, NEW, since=25),
    Jump("filter", "OUTPUT", "KUBE-PROXY-FIREWALL", _FIREWALL, NEW, since=25),
    Jump("filter", "FORWARD", "KUBE-PROXY-FIREWALL", _FIREWALL, NEW, since=25),
    Jump("nat", "OUTPUT", "KUBE-SERVICES", _PORTALS),
    Jump("nat", "PREROUTING", "KUBE-SERVICES", _PORTALS),
    Jump("nat", "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules"),
)


def write_kube_proxy(
    ruleset: Ruleset,
    cluster: Cluster,
    minor: int,
    *,
    detect_local: bool = True,
    endpoint_comments: bool | None = None,
    accounting: bool = False,
) -> None:
    """Write the rules of kube-proxy 1.`minor` for the services of the ruleset's family.

    Without `detect_local` kube-proxy does not know the cluster's own addresses;
    `accounting` is for kernels where it could create its nfacct objects.
    """
    endpoints = sum(len(service.endpoints) for service in cluster.services)
    if endpoint_comments is None:
        endpoint_comments = minor >= 18 and endpoints <= LARGE_CLUSTER_ENDPOINTS
    proxy = Proxy(ruleset, cluster, minor, detect_local, endpoint_comments, accounting)
    _write_jumps(proxy)
    _write_masquerade(proxy)
    _write_forward(proxy)
    write_service = kube_external.write_service if minor >= 24 else kube_xlb.write_service
    for service in proxy.services:
        write_service(proxy, service)
    _write_node_ports_jump(proxy)


def _write_jumps(proxy: Proxy) -> None:
    for table in ("mangle", "nat", "filter"):
        proxy.ruleset[table].chain("KUBE-PROXY-CANARY")
    for jump in JUMPS:
        if jump.since <= proxy.minor <= jump.until:
            holder = proxy.ruleset[jump.table]
            holder.chain(jump.chain)
            holder.prepend(jump.built_in, jump.match, comment(jump.text), f"-j {jump.chain}")
    proxy.nat.chain("KUBE-NODEPORTS", "KUBE-MARK-MASQ")
    if proxy.minor <= 24:
        proxy.nat.chain("KUBE-MARK-DROP")
    if proxy.minor >= 27:
        write_localhost_guard(proxy.ruleset)


def _write_masquerade(proxy: Proxy) -> None:
    proxy.nat.append("KUBE-MARK-MASQ", "-j MARK --set-xmark 0x4000/0x4000")
    for parts in masquerade_rules(proxy.minor):
        proxy.nat.append("KUBE-POSTROUTING", *parts)


def _write_forward(proxy: Proxy) -> None:
    def forward(*parts: str) -> None:
        proxy.filter.append("KUBE-FORWARD", *parts)

    accounting = proxy.accounted("ct_state_invalid_dropped_pkts")
    forward("-m conntrack --ctstate INVALID", accounting, "-j DROP")
    forward(comment("kubernetes forwarding rules"), "-m mark --mark 0x4000/0x4000", "-j ACCEPT")
    established = "-m conntrack --ctstate RELATED,ESTABLISHED"
    if proxy.minor >= 23:
        forward(comment("kubernetes forwarding conntrack rule"), established, "-j ACCEPT")
        return
    for option, side in (("-s", "source"), ("-d", "destination")):
        text = comment(f"kubernetes forwarding conntrack pod {side} rule")
        pods = f"{option} {proxy.cluster.pod_cidr}" if proxy.minor <= 17 and proxy.detect_local else ""
        if pods or proxy.minor > 17:
            forward(pods, text, established, "-j ACCEPT")


def _write_node_ports_jump(proxy: Proxy) -> None:
    text = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"
    not_localhost = "! -d ::1/128" if proxy.ruleset.family == 6 and proxy.minor >= 26 else ""
    proxy.nat.append("KUBE-SERVICES", not_localhost, comment(text), "-m addrtype --dst-type LOCAL", "-j KUBE-NODEPORTS")
