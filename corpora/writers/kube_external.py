"""Services since 1.24: one entry chain (EXT) for outside traffic, one chain per traffic policy."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from .kube_context import Proxy
from .model import Endpoint, Service, host
from .rule import comment

LOCAL_SOURCE = "-m addrtype --src-type LOCAL"
LAST_DROP_BY_MARK = 24


def write_service(proxy: Proxy, service: Service) -> None:
    proxy.write_health_check(service)
    if not service.endpoints:
        _refuse_without_endpoints(proxy, service)
        return
    _write_dispatch(proxy, service)
    _refuse_without_local_endpoints(proxy, service)
    _write_external_chain(proxy, service)
    _write_source_ranges(proxy, service)
    _write_policy_chains(proxy, service)


def _refuse_without_endpoints(proxy: Proxy, service: Service) -> None:
    proxy.reject("KUBE-SERVICES", service, *proxy.to_address(service.cluster_ip, service))
    for address in (*service.external_ips, *service.lb_ips):
        proxy.reject("KUBE-EXTERNAL-SERVICES", service, *proxy.to_address(address, service))
    if service.node_port:
        to_host = ("-m addrtype --dst-type LOCAL", *proxy.to_node_port(service))
        proxy.reject("KUBE-EXTERNAL-SERVICES", service, *to_host)


def _uses_cluster_endpoints(service: Service) -> bool:
    return service.internal_policy == "Cluster" or service.is_external


def _has_local_chain(proxy: Proxy, service: Service) -> bool:
    """1.24 keeps the chain without endpoints, to drop by mark; later the filter table drops."""
    external = service.external_policy == "Local" and service.is_external
    used = service.internal_policy == "Local" or external
    return used and (bool(service.local_endpoints) or proxy.minor <= LAST_DROP_BY_MARK)


def _internal_chain(proxy: Proxy, service: Service) -> str:
    return proxy.chain("SVL" if service.internal_policy == "Local" else "SVC", service)


def _write_dispatch(proxy: Proxy, service: Service) -> None:
    external = proxy.chain("EXT", service)
    balanced = proxy.chain("FW", service) if service.source_ranges else external
    routes = [("external IP", address, external) for address in service.external_ips]
    routes += [("loadbalancer IP", address, balanced) for address in service.lb_ips]
    if service.internal_policy == "Cluster" or _has_local_chain(proxy, service):
        routes.insert(0, ("cluster IP", service.cluster_ip, _internal_chain(proxy, service)))
    for text, address, target in routes:
        matches = proxy.to_address(address, service)
        proxy.nat.append("KUBE-SERVICES", proxy.comment(service, text), *matches, f"-j {target}")
    if service.node_port:
        _write_node_port(proxy, service, external)


def _write_node_port(proxy: Proxy, service: Service, target: str) -> None:
    matches = (proxy.name_comment(service), *proxy.to_node_port(service))
    accounting = proxy.accounted("localhost_nps_accepted_pkts")
    if accounting and proxy.ruleset.family == 4:
        proxy.nat.append("KUBE-NODEPORTS", "-d 127.0.0.0/8", *matches, accounting, f"-j {target}")
    proxy.nat.append("KUBE-NODEPORTS", *matches, f"-j {target}")


def _refuse_without_local_endpoints(proxy: Proxy, service: Service) -> None:
    if service.local_endpoints or proxy.minor <= LAST_DROP_BY_MARK:
        return
    text = proxy.comment(service, "has no local endpoints")
    if service.internal_policy == "Local":
        proxy.filter.append("KUBE-SERVICES", text, *proxy.to_address(service.cluster_ip, service), "-j DROP")
    if service.external_policy == "Local" and service.is_external:
        for address in (*service.external_ips, *service.lb_ips):
            proxy.filter.append("KUBE-EXTERNAL-SERVICES", text, *proxy.to_address(address, service), "-j DROP")
        if service.node_port:
            matches = ("-m addrtype --dst-type LOCAL", *proxy.to_node_port(service))
            proxy.filter.append("KUBE-EXTERNAL-SERVICES", text, *matches, "-j DROP")


def _write_external_chain(proxy: Proxy, service: Service) -> None:
    if not service.is_external:
        return
    chain, cluster_chain = proxy.chain("EXT", service), proxy.chain("SVC", service)
    traffic = f"traffic for {proxy.name(service)} external destinations"
    if service.external_policy == "Cluster":
        proxy.mark_masquerade(chain, comment(f"masquerade {traffic}"))
        proxy.nat.append(chain, f"-j {cluster_chain}")
        return
    if proxy.detect_local:
        proxy.nat.append(chain, comment(f"pod {traffic}"), proxy.from_pods(), f"-j {cluster_chain}")
    proxy.mark_masquerade(chain, comment(f"masquerade LOCAL {traffic}"), LOCAL_SOURCE)
    proxy.nat.append(chain, comment(f"route LOCAL {traffic}"), LOCAL_SOURCE, f"-j {cluster_chain}")
    if _has_local_chain(proxy, service):
        proxy.nat.append(chain, f"-j {proxy.chain('SVL', service)}")


def _write_source_ranges(proxy: Proxy, service: Service) -> None:
    if not (service.lb_ips and service.source_ranges):
        return
    chain, external = proxy.chain("FW", service), proxy.chain("EXT", service)
    text = proxy.comment(service, "loadbalancer IP")
    for network in service.source_ranges:
        proxy.nat.append(chain, text, f"-s {network}", f"-j {external}")
    if node_is_inside(proxy, service):
        for address in service.lb_ips:
            proxy.nat.append(chain, text, f"-s {host(address)}", f"-j {external}")
    if proxy.minor <= LAST_DROP_BY_MARK:
        proxy.nat.append(chain, text, "-j KUBE-MARK-DROP")
        return
    if proxy.minor >= 27:
        proxy.nat.append(
            chain, comment(f"other traffic to {proxy.name(service)} will be dropped by KUBE-PROXY-FIREWALL")
        )
    refusal = proxy.comment(service, f"traffic not accepted by {chain}")
    for address in service.lb_ips:
        proxy.filter.append("KUBE-PROXY-FIREWALL", refusal, *proxy.to_address(address, service), "-j DROP")


def node_is_inside(proxy: Proxy, service: Service) -> bool:
    node = ip_address(proxy.cluster.node.address)
    return any(node in ip_network(network) for network in service.source_ranges)


def _write_policy_chains(proxy: Proxy, service: Service) -> None:
    if _uses_cluster_endpoints(service):
        _write_policy_chain(proxy, service, "SVC", service.endpoints)
    if _has_local_chain(proxy, service):
        _write_policy_chain(proxy, service, "SVL", service.local_endpoints)
    reachable = service.endpoints if _uses_cluster_endpoints(service) else service.local_endpoints
    proxy.write_endpoints(service, reachable)


def _write_policy_chain(proxy: Proxy, service: Service, prefix: str, endpoints: tuple[Endpoint, ...]) -> None:
    chain = proxy.chain(prefix, service)
    if proxy.detect_local and chain == _internal_chain(proxy, service):
        matches = proxy.to_address(service.cluster_ip, service)
        proxy.mark_masquerade(chain, f"! {proxy.from_pods()}", proxy.comment(service, "cluster IP"), *matches)
    proxy.write_balancing(chain, service, endpoints)
    if not endpoints:
        proxy.nat.append(chain, proxy.comment(service, "has no local endpoints"), "-j KUBE-MARK-DROP")
