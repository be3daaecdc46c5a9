"""What decoders find in a dump, in Kubernetes words: services by address, pods and hosts by interface."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Served:
    """One way to a service: an address (None: any of the node's own) and a port."""

    service: str
    """`default/nginx:http`; empty where the dump has no name"""
    protocol: str
    address: str | None
    port: int | None
    reach: str
    """`cluster IP`, `external IP`, `load balancer IP`, `node port`"""
    chain: str
    """what chooses an endpoint; empty where there is none"""
    refused: str = ""
    """why there is no endpoint: `no endpoints`, `no endpoints on this node`"""


@dataclass(frozen=True, slots=True)
class Held:
    """A pod's or the host's interface, the policies that hold it (None: none selects it), the chains that ask them."""

    kind: str
    """`pod` or `host endpoint`"""
    interface: str
    name: str | None
    """`default/client`, where the dump has it"""
    namespace: str | None
    address: str | None
    ingress: tuple[str, ...] | None
    egress: tuple[str, ...] | None
    chains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Balanced:
    """An endpoint `10.244.1.7:80` that something chooses, and how often."""

    address: str
    share: float
