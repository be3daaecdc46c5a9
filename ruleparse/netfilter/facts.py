"""What the dumps of a node say besides its rules, as far as a rule's meaning needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ruleparse.netfilter.ipset import IpSet
    from ruleparse.netfilter.ipvs import VirtualServer


@dataclass(frozen=True, slots=True)
class Facts:
    """`sets` is None when no ipset output was saved; a group of an interface is missing when no `ip link` was."""

    sets: Mapping[str, IpSet] | None = None
    changing: frozenset[str] = frozenset()
    """sets that rules add to or delete from"""
    sysctl: Mapping[str, str] = field(default_factory=dict)
    policy_routing: bool = False
    """whether `ip rule` holds more than the standard rules"""
    routes_saved: bool = False
    addresses_saved: bool = False
    tracks: bool = True
    """whether any rule needs connections: without one the kernel does not track them, and asks no nat table"""
    device_groups: Mapping[str, int] | None = None
    loopback: str = "lo"
    balances: bool = False
    """whether IPVS does anything"""
    virtual_servers: Sequence[VirtualServer] | None = None
    """None if they were not saved"""
