"""Services up to 1.23: outside traffic with the local policy goes through an XLB chain."""

from __future__ import annotations

from dataclasses import replace

from .kube_context import Proxy
from .kube_external import LOCAL_SOURCE, node_is_inside
from .kubelet import loopback
from .model import Service, host
from .rule import comment

MASQUERADE_IN_SERVICE_CHAIN = 22
PLAIN_EXTERNAL_IPS = 21


def write_service(proxy: Proxy, service: Service) -> None:
    proxy.write_health_check(service)
    service = _as_balanced(proxy, service)
    if not service.endpoints:
        _refuse(proxy, service)
        return
    _write_cluster_ip(proxy, service)
    _write_external_ips(proxy, service)
    _write_load_balancer(proxy, service)
    _write_node_port(proxy, service)
    proxy.write_balancing(proxy.chain("SVC", service), service, service.endpoints)
    proxy.write_endpoints(service, service.endpoints)
    if _uses_local_policy(service):
        _write_local_chain(proxy, service)


def _uses_local_policy(service: Service) -> bool:
    return service.external_policy == "Local" and service.is_external


def _external_target(proxy: Proxy, service: Service) -> str:
    return proxy.chain("XLB" if _uses_local_policy(service) else "SVC", service)


def _as_balanced(proxy: Proxy, service: Service) -> Service:
    """The internal policy counted since 1.22, except beside a local external policy."""
    local_only = service.internal_policy == "Local" and proxy.minor >= 22 and not _uses_local_policy(service)
    return replace(service, endpoints=service.local_endpoints) if local_only else service


def _refuse(proxy: Proxy, service: Service) -> None:
    proxy.reject("KUBE-SERVICES", service, *proxy.to_address(service.cluster_ip, service))
    for address in service.external_ips:
        proxy.reject("KUBE-EXTERNAL-SERVICES", service, *proxy.to_address(address, service))
    balancer_chain = "KUBE-EXTERNAL-SERVICES" if proxy.minor >= 19 else "KUBE-SERVICES"
    for address in service.lb_ips:
        proxy.reject(balancer_chain, service, *proxy.to_address(address, service))
    if service.node_port:
        to_host = ("-m addrtype --dst-type LOCAL", *proxy.to_node_port(service))
        proxy.reject("KUBE-EXTERNAL-SERVICES", service, *to_host)


def _write_cluster_ip(proxy: Proxy, service: Service) -> None:
    matches = (proxy.comment(service, "cluster IP"), *proxy.to_address(service.cluster_ip, service))
    chain = proxy.chain("SVC", service)
    if proxy.detect_local:
        holder = chain if proxy.minor >= MASQUERADE_IN_SERVICE_CHAIN else "KUBE-SERVICES"
        proxy.mark_masquerade(holder, f"! {proxy.from_pods()}", *matches)
    proxy.nat.append("KUBE-SERVICES", *matches, f"-j {chain}")


def _write_external_ips(proxy: Proxy, service: Service) -> None:
    target = _external_target(proxy, service)
    for address in service.external_ips:
        matches = (proxy.comment(service, "external IP"), *proxy.to_address(address, service))
        if not _uses_local_policy(service):
            from_outside = f"! {proxy.from_pods()}" if proxy.minor >= PLAIN_EXTERNAL_IPS and proxy.detect_local else ""
            proxy.mark_masquerade("KUBE-SERVICES", from_outside, *matches)
        if proxy.minor >= PLAIN_EXTERNAL_IPS or _uses_local_policy(service):
            proxy.nat.append("KUBE-SERVICES", *matches, f"-j {target}")
            continue
        arriving = "-m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL"
        proxy.nat.append("KUBE-SERVICES", *matches, arriving, f"-j {target}")
        proxy.nat.append("KUBE-SERVICES", *matches, "-m addrtype --dst-type LOCAL", f"-j {target}")


def _write_load_balancer(proxy: Proxy, service: Service) -> None:
    firewall, target = proxy.chain("FW", service), _external_target(proxy, service)
    text = proxy.comment(service, "loadbalancer IP")
    for address in service.lb_ips:
        proxy.nat.append("KUBE-SERVICES", text, *proxy.to_address(address, service), f"-j {firewall}")
        if not _uses_local_policy(service):
            proxy.mark_masquerade(firewall, text)
        for source in _accepted_sources(proxy, service, address):
            proxy.nat.append(firewall, text, source, f"-j {target}")
        proxy.nat.append(firewall, text, "-j KUBE-MARK-DROP")


def _accepted_sources(proxy: Proxy, service: Service, address: str) -> list[str]:
    if not service.source_ranges:
        return [""]
    sources = [f"-s {network}" for network in service.source_ranges]
    return [*sources, f"-s {host(address)}"] if node_is_inside(proxy, service) else sources


def _write_node_port(proxy: Proxy, service: Service) -> None:
    if not service.node_port:
        return
    matches = (proxy.name_comment(service), *proxy.to_node_port(service))
    source = f"-s {loopback(proxy.ruleset.family)}" if _uses_local_policy(service) else ""
    proxy.mark_masquerade("KUBE-NODEPORTS", source, *matches)
    proxy.nat.append("KUBE-NODEPORTS", *matches, f"-j {_external_target(proxy, service)}")


def _write_local_chain(proxy: Proxy, service: Service) -> None:
    chain, cluster_chain = proxy.chain("XLB", service), proxy.chain("SVC", service)
    name = proxy.name(service)
    if proxy.detect_local:
        redirect = comment("Redirect pods trying to reach external loadbalancer VIP to clusterIP")
        proxy.nat.append(chain, proxy.from_pods(), redirect, f"-j {cluster_chain}")
    proxy.mark_masquerade(chain, comment(f"masquerade LOCAL traffic for {name} LB IP"), LOCAL_SOURCE)
    route = comment(f"route LOCAL traffic for {name} LB IP to service chain")
    proxy.nat.append(chain, route, LOCAL_SOURCE, f"-j {cluster_chain}")
    if not service.local_endpoints:
        proxy.nat.append(chain, proxy.comment(service, "has no local endpoints"), "-j KUBE-MARK-DROP")
        return
    text = f"Balancing rule {{index}} for {name}" if proxy.minor <= 22 else ""
    proxy.write_balancing(chain, service, service.local_endpoints, text)
