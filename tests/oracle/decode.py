"""Bytes of a packet, read back."""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Any

from tests.oracle.wire import (
    DESTINATION,
    FRAGMENT,
    FRAGMENT_OFFSET,
    HOP_BY_HOP,
    ICMP,
    ICMP6,
    ROUTING,
    TCP,
    WITH_PORTS,
)

_FLAG_LETTERS = "FSRPAUEC"
_ICMP_ERRORS = {ICMP: (3, 4, 5, 11, 12), ICMP6: (1, 2, 3, 4)}


def decode(raw: bytes) -> dict[str, Any]:
    """The header fields of a packet; what is cut off or absent is left out."""
    if len(raw) < 20 or (raw[0] >> 4 == 6 and len(raw) < 40):
        return {"short": len(raw)}
    if raw[0] >> 4 == 4:
        fields, proto, at, offset = _decode_ipv4(raw)
    else:
        fields, proto, at, offset = _decode_ipv6(raw)
    fields["proto"] = proto
    if not offset:
        _decode_transport(fields, proto, raw[at:])
    return fields


def _decode_ipv4(raw: bytes) -> tuple[dict[str, Any], int, int, int]:
    size, ident, fragment = struct.unpack_from("!HHH", raw, 2)
    fields = {
        "v": 4,
        "src": socket.inet_ntoa(raw[12:16]),
        "dst": socket.inet_ntoa(raw[16:20]),
        "ttl": raw[8],
        "tos": raw[1],
        "id": ident,
        "len": size,
    }
    if fragment:
        fields["frag"] = fragment
    return fields, raw[9], (raw[0] & 15) * 4, fragment & FRAGMENT_OFFSET


def _decode_ipv6(raw: bytes) -> tuple[dict[str, Any], int, int, int]:
    word, size, following, hops = struct.unpack_from("!IHBB", raw)
    src, dst = (str(ipaddress.IPv6Address(raw[at : at + 16])) for at in (8, 24))
    fields = {
        "v": 6,
        "src": src,
        "dst": dst,
        "ttl": hops,
        "tos": word >> 20 & 0xFF,
        "id": word & 0xFFFFF,
        "len": size + 40,
    }
    at, offset = 40, 0
    while following in (HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION) and at + 8 <= len(raw) and not offset:
        fields.setdefault("ext", following)
        is_fragment = following == FRAGMENT
        following, length = raw[at], raw[at + 1]
        if is_fragment:
            offset = struct.unpack_from("!H", raw, at + 2)[0] >> 3
        at += 8 if is_fragment else 8 * (length + 1)
    return fields, following, at, offset


def _decode_transport(fields: dict[str, Any], proto: int, data: bytes) -> None:
    if proto in WITH_PORTS and len(data) >= 4:
        fields["sport"], fields["dport"] = struct.unpack_from("!HH", data)
    if proto == TCP and len(data) >= 20:
        fields["seq"], fields["ack"] = struct.unpack_from("!II", data, 4)
        fields["flags"] = "".join(letter for bit, letter in enumerate(_FLAG_LETTERS) if data[13] >> bit & 1) or "-"
        fields.update(_decode_mss(data[20 : (data[12] >> 4) * 4]))
    if proto in _ICMP_ERRORS and len(data) >= 8:
        fields["type"], fields["code"] = data[0], data[1]
        if data[0] in _ICMP_ERRORS[proto]:
            fields["inner"] = decode(data[8:])
        else:
            fields["icmpid"] = int.from_bytes(data[4:6], "big")


def _decode_mss(options: bytes) -> dict[str, int]:
    end, padding, mss = 0, 1, 2
    while len(options) >= 2 and options[0] != end:
        if options[0] == mss and len(options) >= 4:
            return {"mss": int.from_bytes(options[2:4], "big")}
        options = options[1:] if options[0] == padding else options[max(options[1], 2) :]
    return {}


_ICMP_NAMES = {
    (3, 0): "icmp-net-unreachable", (3, 1): "icmp-host-unreachable", (3, 2): "icmp-proto-unreachable",
    (3, 3): "icmp-port-unreachable", (3, 9): "icmp-net-prohibited", (3, 10): "icmp-host-prohibited",
    (3, 13): "icmp-admin-prohibited",
}  # fmt: skip
_ICMP6_NAMES = {
    (1, 0): "icmp6-no-route", (1, 1): "icmp6-adm-prohibited", (1, 3): "icmp6-addr-unreachable",
    (1, 4): "icmp6-port-unreachable", (1, 5): "icmp6-policy-fail", (1, 6): "icmp6-reject-route",
}  # fmt: skip


def rejection(fields: dict[str, Any]) -> str | None:
    """How --reject-with spells a packet that a firewall makes up; None for all others."""
    if "R" in fields.get("flags", ""):
        return "tcp-reset"
    names = _ICMP6_NAMES if fields.get("v") == 6 else _ICMP_NAMES
    return names.get((fields.get("type", -1), fields.get("code", -1))) if "inner" in fields else None
