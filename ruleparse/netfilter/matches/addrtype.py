from __future__ import annotations

from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool, Number, both, either, negate
from ruleparse.netfilter import fields
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.values import bit_names
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Key, Test, World

TYPES = {
    name: 1 << number
    for number, name in enumerate(
        (
            "UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT",
            "THROW", "NAT", "XRESOLVE",
        )
    )
}  # fmt: skip
"""Bit n stands for route type n."""

_CODEC = bit_names(TYPES)
_OWN = (fields.LOCAL, fields.BROADCAST, fields.ANYCAST, fields.MULTICAST, fields.NAT)
"""Types a route of table local may give to an address; all else leaves it unicast."""

_BLANK = dict.fromkeys(
    ("src", "mark", "tos", "proto", "sport", "dport", "local", "route_in", "route_type", "route_out"), 0
)

Limit = str | None
"""The interface ("in" or "out") that the address has to be one of."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Bits of TYPES, and what remains to be asked where the lookup is limited to an interface."""

    types: int
    limit: Limit
    by_interface: Assumption


def _looked_up(address: Number, packet: Packet, world: World) -> Packet:
    """A lookup as if root sent something to the address, with nothing else known about it."""
    blank = dict.fromkeys(
        ("src", "mark", "tos", "proto", "sport", "dport", "local", "route_in", "route_type", "route_out"), 0
    )
    return world.probe("address type", packet.but({**blank, "dst": address}))


def _on_interface(limit: Limit, found: Packet, packet: Packet) -> Bool:
    return limit is None or bits.equal(found["route_out"], packet[limit])


def _is_of(kinds: tuple[int, ...], found: Packet) -> Bool:
    return bits.any_of(bits.equal_masked(found["route_type"], kind, -1) for kind in kinds)


def _type4(asked: _Asked, address: Number, packet: Packet, world: World) -> Bool:
    """inet_dev_addr_type: some addresses speak for themselves, table local for the others."""
    wanted = asked.types
    broadcast = either(bits.equal_masked(address, 0, -1), bits.equal_masked(address, 0xFFFFFFFF, -1))
    multicast = bits.equal_masked(address, 0xE0000000, 0xF0000000)
    special = either(
        both(broadcast, bool(wanted & TYPES["BROADCAST"])),
        both(multicast, bool(wanted & TYPES["MULTICAST"])),
    )
    plain = negate(either(broadcast, multicast))
    if plain is False:
        return special
    found = _looked_up(address, packet, world)
    on_interface = _on_interface(asked.limit, found, packet)
    kinds = tuple(kind for kind in _OWN if wanted >> kind & 1)
    holds = both(on_interface, _is_of(kinds, found))
    if wanted & TYPES["UNICAST"]:
        holds = either(holds, negate(both(on_interface, _is_of(_OWN, found))))
    return either(special, both(plain, holds))


_LOOKED_UP6 = TYPES["LOCAL"] | TYPES["ANYCAST"] | TYPES["UNREACHABLE"]
_ERRORS = (0, fields.BLACKHOLE, fields.UNREACHABLE, fields.PROHIBIT, fields.THROW)


def is_unicast6(address: Number) -> Bool:
    """ipv6_addr_type(…) & IPV6_ADDR_UNICAST: neither multicast, nor ::, nor an IPv4-mapped one."""
    mapped = bits.equal_masked(address, 0xFFFF << 32, -1 << 32 & (1 << 128) - 1)
    return bits.all_of([negate(is_multicast6(address)), negate(bits.equal_masked(address, 0, -1)), negate(mapped)])


def is_multicast6(address: Number) -> Bool:
    return bits.equal_masked(address, 0xFF << 120, 0xFF << 120)


def _itself6(wanted: int, address: Number) -> Bool:
    """What the address itself must be: all of it."""
    itself: Bool = True
    if wanted & TYPES["MULTICAST"]:
        itself = is_multicast6(address)
    if wanted & TYPES["UNICAST"]:
        itself = both(itself, is_unicast6(address))
    if wanted & TYPES["UNSPEC"]:
        itself = both(itself, bits.equal_masked(address, 0, -1))
    return itself


def _type6(asked: _Asked, address: Number, packet: Packet, world: World) -> Bool:
    """match_type6: what the address itself says must hold in full, of what a lookup says any will do.

    With a limit the kernel looks among the routes by that interface alone; where the route that comes first leads
    elsewhere, what those say of the address is not known.
    """
    wanted = asked.types
    itself = _itself6(wanted, address)
    if itself is False or not wanted & _LOOKED_UP6:
        return itself
    found = _looked_up(address, packet, world)
    here = _on_interface(asked.limit, found, packet)
    kinds = tuple(kind for kind in (fields.LOCAL, fields.ANYCAST) if wanted >> kind & 1)
    refused = _is_of(_ERRORS, found)
    holds = both(here, _is_of(kinds, found))
    if wanted & TYPES["UNREACHABLE"]:
        holds = either(holds, refused)
    if wanted & (TYPES["UNREACHABLE"] | TYPES["ANYCAST"]) and here is not True:
        elsewhere = negate(either(here, refused))
        holds = either(holds, both(elsewhere, world.ask(asked.by_interface, about=address)))
    return both(itself, holds)


def _key(field: str, asked: _Asked, family: int) -> Key:
    def means(_: int, packet: Packet, world: World) -> Bool:
        return (_type4 if family == 4 else _type6)(asked, packet[field], packet, world)

    words = {"src": "source address type {}", "dst": "destination address type {}"}[field]
    return Key((f"{field} type",), _CODEC, means, words)


def _tests(givens: Givens, context: Context) -> Tests:
    limit = "in" if givens.has("--limit-iface-in") else "out" if givens.has("--limit-iface-out") else None
    for name, field in (("--src-type", "src"), ("--dst-type", "dst")):
        if givens.has(name):
            types: int = givens.get(name)
            words = f"the {field} address is {_CODEC.show(types)} by the routes of the packet's {limit} interface alone"
            asked = _Asked(types, limit, context.asks(words, "ip -6 route get ADDRESS oif INTERFACE", lasting=True))
            yield Test(_key(field, asked, context.family), types, givens.negated(name))


MATCH = Match(
    "addrtype",
    """What kind of address the source or destination is to this node: LOCAL, BROADCAST, UNICAST …. IPv4 asks table
    local, IPv6 the address itself and the routes (iptables-extensions(8); net/netfilter/xt_addrtype.c).""",
    (
        Option(("--src-type",), _CODEC),
        Option(("--dst-type",), _CODEC),
        Option(("--limit-iface-in",)),
        Option(("--limit-iface-out",)),
    ),
    tests=_tests,
)
