"""Packets given byte by byte: from bytes to fields, and back to the bytes a rule would see now.

Sources: RFC 791, 8200, 9293, 768, 792, 4443, 9260; what conntrack takes as well formed is in
net/netfilter/nf_conntrack_proto_*.c.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ruleparse.bits import Number
from ruleparse.netfilter.checksums import crc32c, internet_checksum, pseudo_header
from ruleparse.netfilter.fields import AH, DCCP, ESP, GRE, ICMP, ICMP6, SCTP, TCP, UDP, UDPLITE
from ruleparse.packet import Packet

PORT_PROTOCOLS = frozenset({TCP, UDP, SCTP, DCCP, UDPLITE})
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _NONE, _DESTINATION = 0, 43, 44, 59, 60


class Malformed(ValueError):
    """Bytes that are not an IP packet."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are in a packet: the `protocol` behind all IP headers, its `offset`, the fragment it is part of."""

    version: int
    protocol: int
    offset: int
    end: int
    fragment: int = 0
    more: bool = False


@lru_cache(256)
def layout(raw: bytes, auth_ends: bool = False) -> Layout:
    """Find the transport header. `auth_ends`: an IPv6 authentication header is not skipped, as in nf_tables."""
    if len(raw) < 20:
        raise Malformed(f"{len(raw)} octets are too short for an IP packet")
    version = raw[0] >> 4
    if version == 4:
        return _layout4(raw)
    if version == 6 and len(raw) >= 40:
        return _layout6(raw, auth_ends)
    raise Malformed(f"IP version {version} is neither 4 nor 6, or the packet is too short for it")


def _layout4(raw: bytes) -> Layout:
    header = (raw[0] & 15) * 4
    total, flags = struct.unpack_from("!H2xH", raw, 2)
    if header < 20 or len(raw) < header or total < header:
        raise Malformed("the IPv4 header's lengths contradict each other")
    return Layout(4, raw[9], header, min(total, len(raw)), flags & 0x1FFF, bool(flags & 0x2000))


def _layout6(raw: bytes, auth_ends: bool) -> Layout:
    protocol, at, end = raw[6], 40, min(len(raw), 40 + int.from_bytes(raw[4:6], "big"))
    fragment, more = 0, False
    while protocol in (_HOP_BY_HOP, _ROUTING, _DESTINATION, _FRAGMENT, AH) and at + 2 <= end and not fragment:
        if protocol == AH and auth_ends:
            break
        if protocol == _FRAGMENT:
            word = int.from_bytes(raw[at + 2 : at + 4], "big")
            fragment, more = word >> 3, bool(word & 1)
            size = 8
        else:
            size = (raw[at + 1] + 2) * 4 if protocol == AH else (raw[at + 1] + 1) * 8
        protocol, at = raw[at], at + size
    return Layout(6, protocol, at, end, fragment, more)


def transport(raw: bytes) -> tuple[int, int]:
    """The protocol behind the IP headers and the octet where its header starts."""
    found = layout(raw)
    return found.protocol, found.offset


def fields_of(raw: bytes, auth_ends: bool = False) -> dict[str, Number]:
    """Every field that a packet's bytes settle. Raises Malformed."""
    found = layout(raw, auth_ends)
    values: dict[str, Number] = {"proto": found.protocol, "fragment": found.fragment, "more_fragments": int(found.more)}
    if found.version == 4:
        values |= {"tos": raw[1], "length": int.from_bytes(raw[2:4], "big"), "ttl": raw[8]}
        values |= {"src": int.from_bytes(raw[12:16], "big"), "dst": int.from_bytes(raw[16:20], "big")}
    else:
        values |= {
            "tos": int.from_bytes(raw[:2], "big") >> 4 & 255,
            "length": 40 + int.from_bytes(raw[4:6], "big"),
            "ttl": raw[7],
        }
        values |= {"src": int.from_bytes(raw[8:24], "big"), "dst": int.from_bytes(raw[24:40], "big")}
    lost = auth_ends and found.version == 6 and found.fragment  # nf_tables looks for its header at the packet's start
    body = raw if lost else raw[found.offset : found.end]
    values |= {
        "transport_length": len(body),
        "sport": 0,
        "dport": 0,
        "icmp_type": 0,
        "icmp_code": 0,
        "tcp_flags": 0,
        "spi": 0,
    }
    values |= _transport_fields(found.protocol, body.ljust(16, b"\0"))
    whole = not (found.fragment or found.more)
    values["well_formed"] = int(not whole or well_formed(raw))
    values["checksum_right"] = int(not whole or checksum_right(raw))
    return values


def _transport_fields(protocol: int, body: bytes) -> dict[str, Number]:
    word = struct.unpack("!4I", body[:16])
    if protocol in PORT_PROTOCOLS:
        ports: dict[str, Number] = {"sport": word[0] >> 16, "dport": word[0] & 0xFFFF}
        return {**ports, "tcp_flags": body[13]} if protocol == TCP else ports
    if protocol in (ICMP, ICMP6):
        return {"icmp_type": body[0], "icmp_code": body[1], "icmp_id": word[1] >> 16}
    if protocol in (ESP, AH):
        return {"spi": word[0 if protocol == ESP else 1]}
    return {"gre_version": body[1] & 7} if protocol == GRE else {}


# What conntrack checks before it looks for a connection (authentication headers are skipped, whoever asks)


def well_formed(raw: bytes) -> bool:
    """Whether conntrack takes the transport header for sound: lengths, a chunk that may start something."""
    found = layout(raw)
    if found.version == 6 and found.protocol == _NONE:
        return False
    check = _SOUND.get(found.protocol)
    return check is None or check(raw[found.offset : found.end])


def checksum_right(raw: bytes) -> bool:
    """Whether the transport checksum is right. UDP-Lite is summed as if it were UDP (nf_conntrack_proto_udp.c)."""
    found = layout(raw)
    body, protocol = raw[found.offset : found.end], found.protocol
    if not well_formed(raw):
        return False
    if protocol == SCTP:
        return crc32c(body[:8] + b"\0\0\0\0" + body[12:]) == int.from_bytes(body[8:12], "little")
    if protocol == ICMP:
        return internet_checksum(body) == 0
    if protocol == UDP:
        length, given = struct.unpack_from("!HH", body, 4)
        return (not given and found.version == 4) or _sum_is_right(raw, body[:length], found, UDP)
    if protocol in (TCP, ICMP6, UDPLITE):
        return _sum_is_right(raw, body, found, UDP if protocol == UDPLITE else protocol)
    return True


def _sum_is_right(raw: bytes, body: bytes, found: Layout, protocol: int) -> bool:
    return internet_checksum(pseudo_header(raw, found.version, protocol, len(body)) + body) == 0


def _tcp_is_sound(body: bytes) -> bool:
    return len(body) >= 20 and 20 <= (body[12] >> 4) * 4 <= len(body)


def _udp_is_sound(body: bytes) -> bool:
    return len(body) >= 8 and 8 <= int.from_bytes(body[4:6], "big") <= len(body)


def _udplite_is_sound(body: bytes) -> bool:
    """Its checksum is not optional; the length field says how much of the packet it covers, 0 all."""
    covered = int.from_bytes(body[4:6], "big")
    return len(body) >= 8 and (covered == 0 or 8 <= covered <= len(body)) and any(body[6:8])


def _icmp_is_sound(body: bytes) -> bool:
    return len(body) >= 8


def _gre_is_sound(body: bytes) -> bool:
    """Version 1 must be PPTP's; anything else is taken as it is."""
    return len(body) < 4 or body[1] & 7 != 1 or body[2:4] == b"\x88\x0b"


def _sctp_is_sound(body: bytes) -> bool:
    return len(body) >= 12


_SOUND: dict[int, Callable[[bytes], bool]] = {
    TCP: _tcp_is_sound,
    UDP: _udp_is_sound,
    UDPLITE: _udplite_is_sound,
    ICMP: _icmp_is_sound,
    ICMP6: _icmp_is_sound,
    SCTP: _sctp_is_sound,
    GRE: _gre_is_sound,
}


def sctp_chunks(body: bytes) -> list[tuple[int, int, bytes]]:
    """(type, flags, bytes) of each chunk behind an SCTP common header."""
    chunks, at = [], 12
    while at + 4 <= len(body):
        kind, flags, length = struct.unpack_from("!BBH", body, at)
        if length < 4 or at + length > len(body):
            break
        chunks.append((kind, flags, body[at : at + length]))
        at += (length + 3) & ~3
    return chunks


def tcp_options(raw: bytes) -> dict[int, bytes]:
    """TCP options by kind; the first of a kind counts."""
    protocol, at = transport(raw)
    options: dict[int, bytes] = {}
    if protocol != TCP or len(raw) < at + 20:
        return options
    rest = raw[at + 20 : at + (raw[at + 12] >> 4) * 4]
    while rest:
        kind = rest[0]
        size = 1 if kind < 2 else max(rest[1] if len(rest) > 1 else 1, 1)
        options.setdefault(kind, rest[2:size])
        rest = rest[size:]
    return options


# The bytes as they are now


def current(packet: Packet) -> bytes | None:
    """A packet's bytes with its rewritten fields in place and checksums to match; None if they are not known."""
    if packet.raw is None:
        return None
    before = fields_of(packet.raw)
    changed: dict[str, int] = {}
    for name in ("src", "dst", "ttl", "tos", "sport", "dport", "tcp_flags"):
        now = packet[name]
        if not isinstance(now, int):
            return None
        if now != before[name]:
            changed[name] = now
    raw = _patched(packet.raw, changed) if changed else packet.raw
    stripped, limit = packet["tcp_stripped"], packet["mss_limit"]
    return raw if stripped == 0 and limit == NO_LIMIT else _with_other_options(raw, stripped, limit)


def _patched(raw: bytes, changed: dict[str, int]) -> bytes:
    found, data = layout(raw), bytearray(raw)
    size = 4 if found.version == 4 else 16
    places = {"src": 12 if size == 4 else 8, "dst": 16 if size == 4 else 24}
    for name, value in changed.items():
        if name in places:
            data[places[name] : places[name] + size] = value.to_bytes(size, "big")
        elif name == "ttl":
            data[8 if size == 4 else 7] = value
        elif name in ("sport", "dport") and found.protocol in PORT_PROTOCOLS and not found.fragment:
            at = found.offset + (2 if name == "dport" else 0)
            data[at : at + 2] = value.to_bytes(2, "big")
        elif name == "tcp_flags" and found.protocol == TCP and not found.fragment:
            data[found.offset + 13] = value
        elif name == "tos":
            _put_tos(data, found.version, value)
    if found.version == 4:
        data[10:12] = b"\0\0"
        data[10:12] = internet_checksum(bytes(data[: found.offset])).to_bytes(2, "big")
    if changed.keys() & {"src", "dst", "sport", "dport", "tcp_flags"}:
        _fix_transport_sum(data, found)
    return bytes(data)


def _put_tos(data: bytearray, version: int, value: int) -> None:
    if version == 4:
        data[1] = value
    else:
        data[0], data[1] = 0x60 | value >> 4, (value & 15) << 4 | data[1] & 15


def _fix_transport_sum(data: bytearray, found: Layout) -> None:
    at = {TCP: 16, UDP: 6, ICMP6: 2, UDPLITE: 6, DCCP: 6}.get(found.protocol)
    body = data[found.offset : found.end]
    if at is None or len(body) < at + 2 or found.fragment or (found.protocol == UDP and not any(body[at : at + 2])):
        return
    body[at : at + 2] = b"\0\0"
    pseudo = pseudo_header(bytes(data), found.version, found.protocol, len(body))
    total = internet_checksum(pseudo + bytes(body)) or (0xFFFF if found.protocol == UDP else 0)
    data[found.offset + at : found.offset + at + 2] = total.to_bytes(2, "big")


# TCP options as TCPMSS and TCPOPTSTRIP leave them (net/netfilter/xt_TCPMSS.c, xt_TCPOPTSTRIP.c)

NO_LIMIT = 0xFFFF
_MSS, _MSS_SIZE = 2, 4


def lacks_mss(raw: bytes) -> bool:
    """Whether TCPMSS finds no MSS to lower, and room to put one in: no data, and a header that can still grow."""
    found = layout(raw)
    if found.protocol != TCP or found.fragment or found.end < found.offset + 20:
        return False
    header = (raw[found.offset + 12] >> 4) * 4
    has_one = any(kind == _MSS and size == _MSS_SIZE for kind, _, size in _options(raw, found))
    return not has_one and found.end - found.offset == header < 60


def _options(data: bytes | bytearray, found: Layout) -> list[tuple[int, int, int]]:
    """(kind, offset, size) of each option that is all there."""
    at, end = found.offset + 20, found.offset + (data[found.offset + 12] >> 4) * 4
    options = []
    while at < end - 1:
        size = 1 if data[at] < 2 or data[at + 1] == 0 else data[at + 1]
        if at + size > end:
            break
        options.append((data[at], at, size))
        at += size
    return options


def _with_other_options(raw: bytes, stripped: Number, limit: Number) -> bytes | None:
    found, data = layout(raw), bytearray(raw)
    if found.protocol != TCP or found.fragment:
        return raw
    if not isinstance(stripped, int) or not isinstance(limit, int) or (limit != NO_LIMIT and lacks_mss(raw)):
        return None
    for kind, at, size in _options(data, found):
        if kind == _MSS and size == _MSS_SIZE and int.from_bytes(data[at + 2 : at + 4], "big") > limit:
            data[at + 2 : at + 4] = limit.to_bytes(2, "big")
        if stripped >> kind & 1:
            data[at : at + size] = b"\x01" * size
    _fix_transport_sum(data, found)
    return bytes(data)
