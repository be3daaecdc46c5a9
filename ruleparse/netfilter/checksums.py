"""Checksums of the Internet protocols: RFC 1071, and the CRC32c of SCTP (RFC 9260, appendix A)."""

from __future__ import annotations

from functools import cache


def internet_checksum(data: bytes) -> int:
    """The complement of the sum of 16 bit words; 0 over data that holds its own right checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_header(raw: bytes, version: int, protocol: int, length: int) -> bytes:
    """What TCP, UDP and ICMPv6 sum besides themselves; `raw` starts with the IP header."""
    if version == 4:
        return raw[12:20] + bytes([0, protocol]) + length.to_bytes(2, "big")
    return raw[8:40] + length.to_bytes(4, "big") + bytes([0, 0, 0, protocol])


@cache
def _crc_table() -> tuple[int, ...]:
    def entry(n: int) -> int:
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        return n

    return tuple(entry(n) for n in range(256))


def crc32c(data: bytes) -> int:
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF
