"""Names that kube-proxy derives by hashing."""

from __future__ import annotations

import base64
import hashlib

from .model import Endpoint, Service


def service_name(service: Service, minor: int) -> str:
    """`namespace/name:port`; before 1.20 an unnamed port left its colon behind."""
    name = f"{service.namespace}/{service.name}"
    return f"{name}:{service.port_name}" if service.port_name or minor < 20 else name


def chain_name(prefix: str, hashed: str) -> str:
    digest = hashlib.sha256(hashed.encode()).digest()
    return f"KUBE-{prefix}-{base64.b32encode(digest).decode()[:16]}"


def service_chain(prefix: str, service: Service, minor: int) -> str:
    return chain_name(prefix, service_name(service, minor) + service.protocol)


def endpoint_chain(service: Service, endpoint: Endpoint, minor: int) -> str:
    return chain_name("SEP", f"{service_name(service, minor)}{service.protocol}{endpoint}")
