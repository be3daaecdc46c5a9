"""Extension headers of an IPv6 packet given byte by byte (net/ipv6/exthdrs_core.c, ipv6_find_hdr)."""

from __future__ import annotations

from ruleparse.netfilter import wire

HOP_BY_HOP, ROUTING, FRAGMENT, ESP, AUTH, NONE, DESTINATION = 0, 43, 44, 50, 51, 59, 60
_SKIPPED = frozenset({HOP_BY_HOP, ROUTING, FRAGMENT, AUTH, DESTINATION})
_FIXED = 40


def header_length(kind: int, header: bytes) -> int:
    """The length in octets that a header's second octet stands for."""
    if kind == FRAGMENT:
        return 8
    return (header[1] + 2) * 4 if kind == AUTH else (header[1] + 1) * 8


def find_header(raw: bytes, wanted: int) -> bytes | None:
    """The packet from its first header of this kind on; None if there is none, or the packet ends before it."""
    data = raw[: wire.layout(raw).end]
    kind, at = data[6], _FIXED
    while kind in _SKIPPED and at + 2 <= len(data):
        if kind == wanted:
            return data[at:]
        if kind == FRAGMENT and int.from_bytes(data[at + 2 : at + 4], "big") & ~7:
            return None
        kind, at = data[at], at + header_length(kind, data[at:])
    return None


def is_cut(raw: bytes, wanted: int, octets: int) -> bool:
    """Whether the packet ends before its headers do, in the search for one that has so many octets at least.

    Matches that look for a header drop such packets on the spot (measured on Linux 6.18; older ones let some pass).
    """
    data = raw[: wire.layout(raw).end]
    kind, at = data[6], _FIXED
    while kind in _SKIPPED:
        if at + 2 > len(data):
            return True
        if kind == wanted:
            return at + max(octets, header_length(kind, data[at:])) > len(data)
        if kind == FRAGMENT and int.from_bytes(data[at + 2 : at + 4], "big") & ~7:
            return False
        kind, at = data[at], at + header_length(kind, data[at:])
    return False


def whole_header(raw: bytes, wanted: int) -> bytes | None:
    """The first header of this kind, if the packet holds all of it."""
    header = find_header(raw, wanted)
    length = header_length(wanted, header) if header is not None else 0
    return header[:length] if header is not None and len(header) >= length else None
