"""The parts of Kubernetes' objects that say who has which address (kubernetes.io/docs/reference/kubernetes-api)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from ruleparse.kubernetes import cluster

Protocol = Literal["TCP", "UDP", "SCTP"]


class _Object(BaseModel):
    """What else an object holds is of no concern here; null is as good as nothing."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, alias_generator=to_camel)


class Metadata(_Object):
    name: str
    namespace: str = "default"
    labels: dict[str, str] | None = None


class ContainerPort(_Object):
    container_port: int = Field(ge=1, le=65535)
    name: str | None = None
    protocol: Protocol = "TCP"


class Container(_Object):
    ports: list[ContainerPort] | None = None


class PodSpec(_Object):
    containers: list[Container] = []
    node_name: str | None = None
    host_network: bool | None = None


class PodIP(_Object):
    ip: str | None = None


class PodStatus(_Object):
    phase: str | None = None
    pod_ip: str | None = Field(default=None, alias="podIP")
    pod_ips: list[PodIP] | None = Field(default=None, alias="podIPs")


class Pod(_Object):
    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    def found(self) -> cluster.Pod | None:
        """None once it has ended: its address may be another's."""
        if self.status.phase in ("Succeeded", "Failed"):
            return None
        several = [p.ip for p in self.status.pod_ips or () if p.ip]
        addresses = several or ([self.status.pod_ip] if self.status.pod_ip else [])
        ports = [
            cluster.Port(p.name or "", p.protocol.lower(), p.container_port)
            for c in self.spec.containers
            for p in c.ports or ()
        ]
        meta = self.metadata
        return cluster.Pod(
            meta.namespace, meta.name, tuple(addresses), meta.labels or {}, self.spec.node_name,
            bool(self.spec.host_network), tuple(ports),
        )  # fmt: skip


class ServicePort(_Object):
    port: int = Field(ge=1, le=65535)
    name: str | None = None
    protocol: Protocol = "TCP"
    node_port: int | None = None


class ServiceSpec(_Object):
    cluster_ip: str | None = Field(default=None, alias="clusterIP")
    cluster_ips: list[str] | None = Field(default=None, alias="clusterIPs")
    external_ips: list[str] | None = Field(default=None, alias="externalIPs")
    ports: list[ServicePort] | None = None


class Ingress(_Object):
    ip: str | None = None


class LoadBalancer(_Object):
    ingress: list[Ingress] | None = None


class ServiceStatus(_Object):
    load_balancer: LoadBalancer | None = None


class Service(_Object):
    metadata: Metadata
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()

    def found(self) -> cluster.Service:
        spec = self.spec
        own = spec.cluster_ips or ([spec.cluster_ip] if spec.cluster_ip else [])
        balancer = self.status.load_balancer
        others = [*(spec.external_ips or ()), *(i.ip for i in (balancer.ingress if balancer else None) or () if i.ip)]
        ports = [cluster.Port(p.name or "", p.protocol.lower(), p.port, p.node_port) for p in spec.ports or ()]
        meta = self.metadata
        return cluster.Service(
            meta.namespace, meta.name, tuple(ip for ip in own if ip != "None"), tuple(others), tuple(ports)
        )


class EndpointPort(_Object):
    port: int | None = None
    name: str | None = None
    protocol: Protocol | None = "TCP"


class EndpointAddress(_Object):
    ip: str


class Subset(_Object):
    addresses: list[EndpointAddress] | None = None
    ports: list[EndpointPort] | None = None


class Endpoints(_Object):
    metadata: Metadata
    subsets: list[Subset] | None = None

    def found(self) -> list[cluster.Endpoints]:
        meta = self.metadata
        return [
            cluster.Endpoints(meta.namespace, meta.name, tuple(a.ip for a in s.addresses or ()), _ports(s.ports))
            for s in self.subsets or ()
        ]


class Conditions(_Object):
    ready: bool | None = None


class SliceEndpoint(_Object):
    addresses: list[str] = []
    conditions: Conditions | None = None


class EndpointSlice(_Object):
    metadata: Metadata
    address_type: str = "IPv4"
    endpoints: list[SliceEndpoint] | None = None
    ports: list[EndpointPort] | None = None

    def found(self) -> list[cluster.Endpoints]:
        service = (self.metadata.labels or {}).get("kubernetes.io/service-name")
        if service is None or self.address_type == "FQDN":
            return []
        ready = [e for e in self.endpoints or () if e.conditions is None or e.conditions.ready is not False]
        addresses = tuple(address for endpoint in ready for address in endpoint.addresses)
        return [cluster.Endpoints(self.metadata.namespace, service, addresses, _ports(self.ports))]


def _ports(ports: list[EndpointPort] | None) -> tuple[cluster.Port, ...]:
    return tuple(cluster.Port(p.name or "", (p.protocol or "TCP").lower(), p.port) for p in ports or () if p.port)


class Namespace(_Object):
    metadata: Metadata


class NetworkPolicy(_Object):
    metadata: Metadata

    def found(self) -> cluster.Policy:
        return cluster.Policy(self.metadata.namespace, self.metadata.name)


KINDS: dict[str, type[_Object]] = {
    kind.__name__: kind for kind in (Pod, Service, Endpoints, EndpointSlice, Namespace, NetworkPolicy)
}
