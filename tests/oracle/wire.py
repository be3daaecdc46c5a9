"""Packets as plain values, and as bytes."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass
from typing import Any

ICMP, IPIP, TCP, UDP, DCCP, GRE, ESP, AH = 1, 4, 6, 17, 33, 47, 50, 51
ICMP6, OSPF, IPCOMP, SCTP, MH, UDPLITE = 58, 89, 108, 132, 135, 136
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
WITH_PORTS = (TCP, UDP, DCCP, SCTP, UDPLITE)
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
DONT_FRAGMENT, MORE_FRAGMENTS, FRAGMENT_OFFSET = 0x4000, 0x2000, 0x1FFF
SCTP_DATA, SCTP_INIT, SCTP_INIT_ACK, SCTP_COOKIE_ECHO = 0, 1, 2, 10
LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Packet:
    """An IP packet and where it enters: an interface of the firewall, or `local` for one it sends itself."""

    src: str
    dst: str
    proto: int
    enters: str = LOCAL
    sport: int = 0
    dport: int = 0
    flags: int = SYN
    seq: int = 1000
    ack: int = 0
    window: int = 65000
    options: bytes = b""
    icmp: tuple[int, int] = (8, 0)
    rest: int = 0
    inner: bytes = b""
    chunk: int = SCTP_INIT
    tag: int | None = None
    init_tag: int = 0x11223344
    dccp_type: int = 0
    spi: int = 1
    ttl: int = 64
    tos: int = 0
    ident: int = 0
    fragment: int = 0
    extensions: tuple[int, ...] = ()
    payload: bytes = b""
    spoilt: bool = False
    cut: int | None = None
    uid: int = 0
    src_mac: str = ""
    dst_mac: str = ""
    raw: bytes = b""

    @property
    def family(self) -> int:
        return 6 if ":" in self.src else 4

    @property
    def local(self) -> bool:
        return self.enters == LOCAL

    def encode(self) -> bytes:
        """`raw`, where that was given, else what the fields say."""
        if self.raw:
            return self.raw
        return _ipv6(self) if self.family == 6 else _ipv4(self)


def checksum(data: bytes) -> int:
    """The Internet checksum."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _ipv4(packet: Packet) -> bytes:
    src, dst = socket.inet_aton(packet.src), socket.inet_aton(packet.dst)
    payload = _transport(packet, lambda size: src + dst + struct.pack("!HH", packet.proto, size))
    size = 20 + len(payload)
    head = struct.pack("!BBHHHBBH", 0x45, packet.tos, size, packet.ident, packet.fragment, packet.ttl, packet.proto, 0)
    head += src + dst
    return _with_checksum(head, 10, checksum(head)) + payload


def _ipv6(packet: Packet) -> bytes:
    src, dst = socket.inet_pton(socket.AF_INET6, packet.src), socket.inet_pton(socket.AF_INET6, packet.dst)
    payload = _transport(packet, lambda size: src + dst + struct.pack("!II", size, packet.proto))
    following = packet.proto
    for extension in reversed(packet.extensions):
        payload = _extension(extension, following, packet) + payload
        following = extension
    word = 6 << 28 | packet.tos << 20 | packet.ident
    return struct.pack("!IHBB", word, len(payload), following, packet.ttl) + src + dst + payload


def _extension(kind: int, following: int, packet: Packet) -> bytes:
    if kind == FRAGMENT:
        return struct.pack(
            "!BBHI",
            following,
            0,
            (packet.fragment & FRAGMENT_OFFSET) << 3 | bool(packet.fragment & MORE_FRAGMENTS),
            packet.ident,
        )
    if kind == ROUTING:
        return struct.pack("!BBBBI", following, 2, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, packet.dst)
    four_bytes_of_padding = b"\1\4\0\0\0\0"
    return struct.pack("!BB", following, 0) + four_bytes_of_padding


def _transport(packet: Packet, pseudo_header: Any) -> bytes:
    encode = _ENCODERS.get(packet.proto, lambda packet: (packet.payload, None))
    data, at = encode(packet)
    if at is not None:
        covered = (b"" if packet.proto == ICMP else pseudo_header(len(data))) + data
        value = checksum(covered) or (0xFFFF if packet.proto in (UDP, UDPLITE) else 0)
        data = _with_checksum(data, at, value ^ 0x1234 if packet.spoilt else value)
    return data if packet.cut is None else data[: packet.cut]


def _with_checksum(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + value.to_bytes(2, "big") + data[at + 2 :]


def _tcp(packet: Packet) -> tuple[bytes, int]:
    options = packet.options + bytes(-len(packet.options) % 4)
    words = 5 + len(options) // 4
    head = struct.pack(
        "!HHIIBBHHH", packet.sport, packet.dport, packet.seq, packet.ack, words << 4, packet.flags, packet.window, 0, 0
    )
    return head + options + packet.payload, 16


def _udp(packet: Packet) -> tuple[bytes, int]:
    whole = 0
    size = 8 + len(packet.payload) if packet.proto == UDP else whole
    return struct.pack("!HHHH", packet.sport, packet.dport, size, 0) + packet.payload, 6


def _icmp(packet: Packet) -> tuple[bytes, int]:
    return struct.pack("!BBHI", *packet.icmp, 0, packet.rest) + packet.inner + packet.payload, 2


def _dccp(packet: Packet) -> tuple[bytes, int]:
    extended = packet.dccp_type << 1 | 1
    words = {0: 5, 1: 7}.get(packet.dccp_type, 6)
    head = struct.pack("!HHBBHBBHI", packet.sport, packet.dport, words, 0, 0, extended, 0, 0, 1)
    return head + bytes(4 * words - len(head)) + packet.payload, 6


def _sctp(packet: Packet) -> tuple[bytes, None]:
    body = _SCTP_BODIES.get(packet.chunk, b"")
    if packet.chunk in (SCTP_INIT, SCTP_INIT_ACK):
        body = struct.pack("!IIHHI", packet.init_tag, 65535, 10, 10, 1)
    chunk = struct.pack("!BBH", packet.chunk, 3 if packet.chunk == SCTP_DATA else 0, 4 + len(body)) + body
    usual = 0 if packet.chunk == SCTP_INIT else 0x11223344
    tag = usual if packet.tag is None else packet.tag
    data = struct.pack("!HHII", packet.sport, packet.dport, tag, 0) + chunk
    return data[:8] + struct.pack("<I", _crc32c(data) ^ packet.spoilt) + data[12:], None


def _esp(packet: Packet) -> tuple[bytes, None]:
    return struct.pack("!II", packet.spi, 1) + packet.payload, None


def _ah(packet: Packet) -> tuple[bytes, None]:
    nothing_follows, words = 59, 4
    return struct.pack("!BBHII", nothing_follows, words, 0, packet.spi, 1) + bytes(12) + packet.payload, None


def _ipcomp(packet: Packet) -> tuple[bytes, None]:
    return struct.pack("!BBH", TCP, 0, packet.spi & 0xFFFF) + packet.payload, None


def _mobility(packet: Packet) -> tuple[bytes, int]:
    nothing_follows = 59
    return struct.pack("!BBBBH", nothing_follows, 0, packet.icmp[0], 0, 0) + bytes(2), 4


_ENCODERS: dict[int, Any] = {
    TCP: _tcp, UDP: _udp, UDPLITE: _udp, ICMP: _icmp, ICMP6: _icmp, DCCP: _dccp, SCTP: _sctp, ESP: _esp, AH: _ah,
    IPCOMP: _ipcomp, MH: _mobility,
}  # fmt: skip
_SCTP_BODIES = {SCTP_DATA: struct.pack("!IHHI", 1, 0, 0, 0) + b"data", SCTP_COOKIE_ECHO: b"cookie!!"}


def _crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value = _CRC_TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _crc_step(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


_CRC_TABLE = [_crc_step(byte) for byte in range(256)]


def mac_of_group(address: str) -> str:
    """The Ethernet address to which a multicast or broadcast packet is sent ('' for unicast)."""
    parsed = ipaddress.ip_address(address)
    if address.endswith(".255"):
        return "ff:ff:ff:ff:ff:ff"
    if not parsed.is_multicast:
        return ""
    packed = parsed.packed
    group = b"\x33\x33" + packed[-4:] if parsed.version == 6 else b"\1\0\x5e" + bytes([packed[1] & 0x7F]) + packed[2:]
    return group.hex(":")
