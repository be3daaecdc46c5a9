"""What every part of the kube-proxy writer needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from .kube_names import endpoint_chain, service_chain, service_name
from .model import Cluster, Endpoint, Service, family_of, host
from .rule import comment, port_match, probability, random_share
from .save import Ruleset, Table


@dataclass(frozen=True)
class Proxy:
    ruleset: Ruleset
    cluster: Cluster
    minor: int
    detect_local: bool
    endpoint_comments: bool
    accounting: bool

    @property
    def nat(self) -> Table:
        return self.ruleset["nat"]

    @property
    def filter(self) -> Table:
        return self.ruleset["filter"]

    @property
    def services(self) -> list[Service]:
        return [service for service in self.cluster.services if family_of(service.cluster_ip) == self.ruleset.family]

    def name(self, service: Service) -> str:
        return service_name(service, self.minor)

    def chain(self, prefix: str, service: Service) -> str:
        return service_chain(prefix, service, self.minor)

    def comment(self, service: Service, text: str) -> str:
        return comment(f"{self.name(service)} {text}")

    def name_comment(self, service: Service) -> str:
        return comment(self.name(service))

    def endpoint_comment(self, text: str) -> str:
        return comment(text) if self.endpoint_comments else ""

    def accounted(self, counter: str) -> str:
        """iptables-save really prints two blanks here."""
        return f"-m nfacct --nfacct-name  {counter}" if self.accounting else ""

    def from_pods(self) -> str:
        return f"-s {self.cluster.pod_cidr}"

    def to_address(self, address: str, service: Service) -> tuple[str, ...]:
        return (f"-d {host(address)}", *port_match(service.protocol, service.port))

    def to_node_port(self, service: Service) -> tuple[str, ...]:
        return port_match(service.protocol, service.node_port)

    def reject(self, chain: str, service: Service, *matches: str) -> None:
        kind = "icmp-port-unreachable" if self.ruleset.family == 4 else "icmp6-port-unreachable"
        text = self.comment(service, "has no endpoints")
        self.filter.append(chain, text, *matches, f"-j REJECT --reject-with {kind}")

    def mark_masquerade(self, chain: str, *matches: str) -> None:
        self.nat.append(chain, *matches, "-j KUBE-MARK-MASQ")

    def write_health_check(self, service: Service) -> None:
        if service.health_node_port and self.minor >= 21:
            self.filter.append(
                "KUBE-NODEPORTS",
                self.comment(service, "health check node port"),
                *port_match("tcp", service.health_node_port),
                "-j ACCEPT",
            )

    def write_balancing(self, chain: str, service: Service, endpoints: tuple[Endpoint, ...], text: str = "") -> None:
        """Affinity first, then one rule per endpoint with an even share.

        `text` may hold `{index}`; it stands in for the comment of the service chains.
        """
        ordered = sorted(endpoints, key=str)
        for endpoint in ordered if service.affinity_seconds else ():
            target = endpoint_chain(service, endpoint, self.minor)
            recent = f"-m recent --rcheck --seconds {service.affinity_seconds} --reap {self._recent_name(target)}"
            self.nat.append(chain, self._balancing_comment(service, endpoint), recent, f"-j {target}")
        for index, endpoint in enumerate(ordered):
            target = endpoint_chain(service, endpoint, self.minor)
            explanation = comment(text.format(index=index)) if text else self._balancing_comment(service, endpoint)
            self.nat.append(chain, explanation, self._share(len(ordered) - index), f"-j {target}")

    def _balancing_comment(self, service: Service, endpoint: Endpoint) -> str:
        name = self.name(service)
        return self.endpoint_comment(f"{name} -> {endpoint}" if self.minor >= 24 else name)

    def _share(self, remaining: int) -> str:
        if remaining == 1:
            return ""
        return probability(f"{1 / remaining:.5f}") if self.minor <= 16 else random_share(remaining)

    def write_endpoints(self, service: Service, endpoints: tuple[Endpoint, ...]) -> None:
        for endpoint in endpoints:
            chain = endpoint_chain(service, endpoint, self.minor)
            text = self.endpoint_comment(self.name(service))
            recent = f"-m recent --set {self._recent_name(chain)}" if service.affinity_seconds else ""
            self.mark_masquerade(chain, text, f"-s {host(endpoint.address)}")
            self.nat.append(
                chain,
                text,
                recent,
                f"-p {service.protocol}",
                f"-m {service.protocol}",
                f"-j DNAT --to-destination {endpoint}",
            )

    def _recent_name(self, chain: str) -> str:
        mask = "255.255.255.255" if self.ruleset.family == 4 else "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
        return f"--name {chain} --mask {mask} --rsource"
