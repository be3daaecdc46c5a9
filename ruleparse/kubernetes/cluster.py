"""Pods, services, namespaces and policies by their names and addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ruleparse.codec import address


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a pod or a service; `name` is empty where it has none."""

    name: str
    protocol: str
    """`tcp`, `udp`, `sctp`"""
    number: int
    node_port: int | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that has addresses of its own, or its node's where it is `on_host`."""

    namespace: str
    name: str
    addresses: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    node: str | None = None
    on_host: bool = False
    ports: tuple[Port, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Service:
    """A service with its cluster IPs, and the other addresses at which it is reached."""

    namespace: str
    name: str
    addresses: tuple[str, ...]
    others: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Some endpoints of a service: every address has every port."""

    namespace: str
    service: str
    addresses: tuple[str, ...]
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A NetworkPolicy."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Cluster:
    """All that some texts hold."""

    pods: Sequence[Pod] = ()
    services: Sequence[Service] = ()
    endpoints: Sequence[Endpoints] = ()
    policies: Sequence[Policy] = ()
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def pod_at(self, value: int | str) -> Pod | None:
        """The pod that has an address for itself."""
        return self._pods.get(_number(value))

    def addresses_of_pods(self, family: int) -> list[int]:
        """The addresses that pods have for themselves."""
        texts = (a for pod in self.pods if not pod.on_host for a in pod.addresses if (":" in a) == (family == 6))
        return [number for number in map(_number, texts) if number >= 0]

    def service_at(self, value: int | str) -> Service | None:
        return self._services.get(_number(value))

    def port_at(self, value: int | str, protocol: str, port: int) -> str | None:
        """`default/nginx:http`: a service by address, protocol and port."""
        service = self.service_at(value)
        if service is None:
            return None
        found = next((p for p in service.ports if (p.protocol, p.number) == (protocol, port)), None)
        return None if found is None else ":".join(filter(None, [service.full_name, found.name]))

    def named(self, value: int | str) -> str | None:
        """`pod default/web`, `service default/nginx`."""
        if (pod := self.pod_at(value)) is not None:
            return f"pod {pod.full_name}"
        service = self.service_at(value)
        return None if service is None else f"service {service.full_name}"

    @cached_property
    def _pods(self) -> dict[int, Pod]:
        return {_number(a): pod for pod in self.pods if not pod.on_host for a in pod.addresses}

    @cached_property
    def _services(self) -> dict[int, Service]:
        return {_number(a): service for service in self.services for a in (*service.addresses, *service.others)}

    def endpoints_of(self, name: str) -> Iterator[Endpoints]:
        """The endpoints of the service `default/nginx`."""
        return (e for e in self.endpoints if f"{e.namespace}/{e.service}" == name)


def _number(value: int | str) -> int:
    """The number of an address; -1, which is nobody's, for what is none."""
    if isinstance(value, int):
        return value
    try:
        return address(value)
    except ValueError:
        return -1
