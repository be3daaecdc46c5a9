"""Tunnels: packets that leave by one travel inside others, to another node.

Sources: drivers/net/vxlan, drivers/net/geneve.c, net/ipv4/ip_tunnel.c (a tunnel without a remote end asks the route:
ip_tunnel_xmit), ip-link(8).
"""

from __future__ import annotations

from dataclasses import dataclass

from ruleparse.codec import show_address
from ruleparse.routing.model import Interface, Neighbours

_KINDS = {
    "vxlan": "VXLAN", "geneve": "Geneve", "wireguard": "WireGuard", "ipip": "IPIP", "sit": "SIT", "ip6tnl": "ip6tnl",
    "gre": "GRE", "gretap": "GRE", "ip6gre": "GRE", "ip6gretap": "GRE",
}  # fmt: skip
_BY_HARDWARE = {"ipip": "ipip", "gre": "gre", "sit": "sit", "tunnel6": "ip6tnl"}
"""Kinds of which `ip link` without -d tells, too."""
_ASK_THE_ROUTE = frozenset({"ipip", "gre"})
"""IPv4 tunnels that, without a remote end, send to the next hop."""
_NOBODY = ("any", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Overlay:
    """The tunnel that a packet leaves by. `to` is the address of the node at its other end; where that was not saved,
    `settle` is what would tell. Both are None where it is set for each packet by what is no part of the dumps (a route
    with `encap`, Open vSwitch, eBPF), or where packets with different next hops are meant.
    """

    interface: str
    kind: str
    number: int | None
    to: str | None
    settle: str | None


def overlay_of(link: Interface, family: int, next_hop: int | None, neighbours: Neighbours) -> Overlay | None:
    """The overlay that an interface belongs to, None if it is no tunnel. A `next_hop` that is not known is None."""
    kind = link.kind if link.kind in _KINDS else _BY_HARDWARE.get(link.hardware or "")
    if kind is None:
        return None
    number = link.detail("id") or ""
    to, settle = _other_end(link, kind, family, next_hop, neighbours)
    return Overlay(link.name, _KINDS[kind], int(number) if number.isdecimal() else None, to, settle)


def _other_end(
    link: Interface, kind: str, family: int, next_hop: int | None, neighbours: Neighbours
) -> tuple[str | None, str | None]:
    """The node at the other end, or what tells which it is."""
    if "external" in link.details:
        return None, None
    if link.kind is None:
        return None, "ip -d link"
    if (remote := link.detail("remote")) is not None and remote not in _NOBODY:
        return remote, None
    if kind == "wireguard":
        return None, f"wg show {link.name}"
    if next_hop is None:
        return None, None
    if kind in _ASK_THE_ROUTE and family == 4:
        return show_address(next_hop, 4), None
    return _behind_its_mac(link.name, family, next_hop, neighbours)


def _behind_its_mac(name: str, family: int, next_hop: int, neighbours: Neighbours) -> tuple[str | None, str | None]:
    mac = neighbours.mac_of(name, family, next_hop)
    if mac is None:
        return None, "ip neigh; bridge fdb"
    ends = neighbours.ends_of(name, mac)
    return (ends[0], None) if len(ends) == 1 else (None, "bridge fdb")
