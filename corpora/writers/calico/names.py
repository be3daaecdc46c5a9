"""Names that Calico derives by hashing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from ..model import Family, NetworkPolicy
from .release import Release

MAX_CHAIN_NAME = 28
MAX_SET_NAME = 31


def _base64url(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def chain_name(prefix: str, suffix: str) -> str:
    """`prefix` + `suffix`, or a hash of the suffix where that would be too long."""
    length = len(prefix) + len(suffix)
    if length < MAX_CHAIN_NAME or (length == MAX_CHAIN_NAME and not suffix.startswith("_")):
        return prefix + suffix
    return f"{prefix}_{_base64url(hashlib.sha256(suffix.encode()).digest())}"[:MAX_CHAIN_NAME]


def interface_name(namespace: str, pod: str, prefix: str = "cali") -> str:
    return prefix + hashlib.sha1(f"{namespace}.{pod}".encode()).hexdigest()[:11]


def policy_name(policy: NetworkPolicy) -> str:
    """As in comments: Kubernetes policies are `knp.default.…`, Calico's own carry their tier."""
    name = f"knp.default.{policy.name}" if policy.kind == "Kubernetes" else f"{policy.tier}.{policy.name}"
    return f"{policy.namespace}/{name}" if policy.namespace else name


def policy_chain(prefix: str, policy: NetworkPolicy, release: Release) -> str:
    name = policy_name(policy)
    return chain_name(prefix, f"{policy.tier}/{name}" if release.has_tiers else name)


def group_chain(prefix: str, tier: str, selector: str, direction: str, names: Iterable[str]) -> str:
    listed = list(names)
    words = [tier, selector, direction, str(len(listed)), *listed]
    digest = hashlib.sha3_224("".join(f"{word}\n" for word in words).encode()).digest()
    return (prefix + _base64url(digest))[:MAX_CHAIN_NAME]


def set_name(family: Family, identity: str) -> str:
    return f"cali{family}0{identity}"[:MAX_SET_NAME]


def selector_set(family: Family, selector: str) -> str:
    return set_name(family, "s:" + _base64url(hashlib.sha224(f"s:{selector}".encode()).digest()))


def namespaced_selector(namespace: str, labels: Iterable[tuple[str, str]]) -> str:
    """The selector that Calico makes of a Kubernetes pod selector."""
    terms = ['projectcalico.org/orchestrator == "k8s"', *(f'{key} == "{value}"' for key, value in labels)]
    pods = f"({' && '.join(terms)})" if len(terms) > 1 else terms[0]
    return f'({pods} && projectcalico.org/namespace == "{namespace}")'
