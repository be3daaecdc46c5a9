"""ICMP errors, which belong to the connection of the packet that they quote (RFC 792, RFC 4443)."""

from __future__ import annotations

from ruleparse.netfilter import wire
from ruleparse.netfilter.fields import ICMP, ICMP6
from ruleparse.netfilter.tracking.connection import PORTED, Tuple
from ruleparse.packet import Packet

ERRORS = (3, 4, 5, 11, 12)
"""Types that quote a packet: icmp_is_err; in ICMPv6 all below 128 count (nf_conntrack_icmpv6_error)."""

REQUESTS = {8: 0, 13: 14, 15: 16, 17: 18}
REQUESTS6 = {128: 129, 139: 140}
"""What each request that starts a connection is answered with."""

ANSWERS = REQUESTS | {answer: request for request, answer in REQUESTS.items()}
ANSWERS6 = REQUESTS6 | {answer: request for request, answer in REQUESTS6.items()}
"""What a packet of one type looks like on the way back (icmp_invert_tuple)."""


def is_error(packet: Packet, family: int) -> bool:
    kind = packet["icmp_type"] if packet["proto"] == (ICMP if family == 4 else ICMP6) else None
    return isinstance(kind, int) and (kind in ERRORS if family == 4 else kind < 128)


def inner_tuple(packet: Packet, family: int) -> Tuple | None:
    """The tuple that answers to the packet which an error quotes would have; None if it quotes too little."""
    if packet.raw is None:
        return None
    outer = wire.layout(packet.raw)
    quoted = packet.raw[outer.offset + 8 : outer.end]
    try:
        inner = wire.layout(quoted)
    except ValueError:
        return None
    body = quoted[inner.offset :]
    if inner.version != family or inner.fragment:
        return None
    size = 4 if family == 4 else 16
    at = 12 if family == 4 else 8
    src, dst = quoted[at : at + size], quoted[at + size : at + 2 * size]
    ports = _ports_back(inner.protocol, body, family)
    if ports is None:
        return None
    return Tuple(family, inner.protocol, int.from_bytes(dst, "big"), int.from_bytes(src, "big"), *ports)


def _ports_back(protocol: int, body: bytes, family: int) -> tuple[int, int] | None:
    if protocol in (*PORTED, ICMP, ICMP6) and len(body) < 8:
        return None
    if protocol in PORTED:
        return int.from_bytes(body[2:4], "big"), int.from_bytes(body[:2], "big")
    if protocol != (ICMP if family == 4 else ICMP6):
        return 0, 0
    answer = (ANSWERS if family == 4 else ANSWERS6).get(body[0])
    return None if answer is None else (int.from_bytes(body[4:6], "big"), answer << 8 | body[1])
