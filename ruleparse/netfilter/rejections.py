"""What REJECT sends back, and when it sends nothing.

Sources: net/ipv4/netfilter/nf_reject_ipv4.c, net/ipv6/netfilter/nf_reject_ipv6.c, net/ipv4/icmp.c, net/ipv6/icmp.c.
"""

from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec, prefix
from ruleparse.netfilter import wire
from ruleparse.netfilter.checksums import internet_checksum, pseudo_header
from ruleparse.netfilter.fields import (
    AH,
    BROADCAST,
    ESP,
    GRE,
    ICMP,
    ICMP6,
    MULTICAST,
    SCTP,
    TCP,
    UDP,
    UDPLITE,
)
from ruleparse.packet import Packet
from ruleparse.program import Key

RESET = "tcp-reset"
KINDS = {
    4: {
        "icmp-net-unreachable": "net-unreach",
        "icmp-host-unreachable": "host-unreach",
        "icmp-proto-unreachable": "proto-unreach",
        "icmp-port-unreachable": "port-unreach",
        "icmp-net-prohibited": "net-prohib",
        "icmp-host-prohibited": "host-prohib",
        "icmp-admin-prohibited": "admin-prohib",
        RESET: "tcp-rst",
    },
    6: {
        "icmp6-no-route": "no-route",
        "icmp6-adm-prohibited": "adm-prohibited",
        "icmp6-addr-unreachable": "addr-unreach",
        "icmp6-port-unreachable": "port-unreach",
        "icmp6-policy-fail": "policy-fail",
        "icmp6-reject-route": "reject-route",
        RESET: "tcp-rst",
    },
}
"""What can be sent back, by family, each with its short name (extensions/libipt_REJECT.c, libip6t_REJECT.c)."""

_RST = 4
_ICMP_QUERIES = (0, 8, *range(13, 19))
"""What the kernel does not take for errors: it answers no other type (net/ipv4/icmp.c, icmp_pointers)."""

_MULTICAST6 = prefix("ff00::/8")


def _is(packet: Packet, field: str, *values: int) -> Bool:
    return bits.any_of(bits.equal_masked(packet[field], value, -1) for value in values)


def _is_error(packet: Packet, family: int) -> Bool:
    if family == 6:
        return bits.both(_is(packet, "proto", ICMP6), bits.negate(bits.at_least(packet["icmp_type"], 128)))
    return bits.without(_is(packet, "proto", ICMP), _is(packet, "icmp_type", *_ICMP_QUERIES))


def _goes_to_many(packet: Packet, family: int) -> Bool:
    if family == 6:
        return bits.equal_masked(packet["dst"], _MULTICAST6.value, _MULTICAST6.mask)
    return _is(packet, "route_type", BROADCAST, MULTICAST)


_CHECKED = (TCP, UDP, ICMP, ICMP6)
_NOT_SUMMED = (AH, ESP, SCTP, UDPLITE)
_GRE_HAS_SUM = 0x80


def _is_damaged(packet: Packet, family: int) -> Bool:
    """The kernel takes any protocol it has no exception for to carry an Internet checksum over all of itself."""
    bad = bits.either(_is(packet, "well_formed", 0), _is(packet, "checksum_right", 0))
    raw = wire.current(packet)
    return bits.either(bits.both(bad, _is(packet, "proto", *_CHECKED)), raw is not None and _sums_up_wrong(raw, family))


def _sums_up_wrong(raw: bytes, family: int) -> bool:
    found = wire.layout(raw)
    body = raw[found.offset : found.end]
    if found.protocol in (*_CHECKED, *_NOT_SUMMED) or found.fragment:
        return False
    if found.protocol == GRE and not (body and body[0] & _GRE_HAS_SUM):
        return False
    before = pseudo_header(raw, 6, found.protocol, len(body)) if family == 6 else _HEADER_THAT_SUMS_UP
    return internet_checksum(before + body) != 0


_HEADER_THAT_SUMS_UP = b"\xff\xff"
"""An IPv4 header is summed together with what follows it."""


def gets_nothing(value: tuple[str, int], packet: Packet) -> Bool:
    """Whether nothing is sent back: `value` is what would be, and the family."""
    kind, family = value
    no_transport = family == 6 and _is(packet, "transport_length", 0)
    return bits.any_of([is_answered_never(kind, packet, family), _is_damaged(packet, family), no_transport])


def is_answered_never(kind: str, packet: Packet, family: int) -> Bool:
    """Whether a packet is of those that no error is sent about, whoever would send it."""
    answer = bits.any_bit(packet["tcp_flags"], _RST) if kind == RESET else _is_error(packet, family)
    is_later_fragment = bits.negate(_is(packet, "fragment", 0))
    was_for_many = kind != RESET and bits.negate(_is(packet, "pkttype", 0))
    return bits.any_of([answer, is_later_fragment, was_for_many, _goes_to_many(packet, family)])


GETS_NOTHING = Key(("answered",), Codec("kind family", str), lambda value, packet, _world: gets_nothing(value, packet))
"""Resets are not answered with resets, nor errors with errors; nor is anything that went to many, is damaged, or is a
later fragment.
"""
