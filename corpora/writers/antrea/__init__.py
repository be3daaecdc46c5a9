"""The bridge of a node with Antrea, release by release: its flows and groups."""

from __future__ import annotations

from .arp import write_arp
from .bridge import Bridge
from .fixed import write_fixed
from .flexible import write_flexible
from .node import AntreaNode, Writer
from .policies import write_policies
from .release import RELEASES
from .services import write_services


def write_antrea(node: AntreaNode, version: str) -> Bridge:
    release = RELEASES[version]
    names = {number: name for name, number in release.tables.items()} if release.flexible else {}
    bridge = Bridge("br-int", "OpenFlow15" if release.flexible else "OpenFlow13", node.ports, names)
    cookies = release.cookies
    connectivity = Writer(node, release, cookies.pod)
    bridge.flows += (write_flexible if release.flexible else write_fixed)(connectivity)
    bridge.flows += write_arp(connectivity)
    bridge.flows += write_policies(Writer(node, release, cookies.policy))
    if release.proxy:
        flows, bridge.groups = write_services(Writer(node, release, cookies.service))
        bridge.flows += flows
    return bridge
