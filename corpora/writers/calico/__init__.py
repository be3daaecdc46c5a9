"""Calico's Felix in its iptables dataplane."""

from __future__ import annotations

from ..model import Cluster
from ..save import Ruleset
from . import felix
from .endpoints import write_endpoints
from .names import interface_name, namespaced_selector
from .network import calico_network
from .release import Release
from .sets import calico_sets
from .static import Encapsulation, Host, write_static

__all__ = ["Encapsulation", "calico_network", "calico_sets", "interface_name", "namespaced_selector", "write_calico"]


def write_calico(
    ruleset: Ruleset,
    cluster: Cluster,
    minor: int,
    *,
    encapsulation: Encapsulation = "ipip",
    interface_prefix: str = "cali",
    mangle_allow: str = felix.ACCEPT,
    advertised_service_cidrs: tuple[str, ...] = (),
) -> None:
    """Write the rules of Calico 3.`minor` for the pods of this node."""
    release = Release(minor)
    host = Host(
        release,
        ruleset.family,
        encapsulation,
        endpoint_to_host=felix.ACCEPT,
        mangle_allow=mangle_allow,
        prefix=interface_prefix,
        service_cidrs=advertised_service_cidrs,
    )
    write_static(ruleset, host)
    write_endpoints(ruleset["filter"], ruleset.family, release, cluster.pods, cluster.policies)
