"""Packets of a tcpdump: pcap and pcapng; Ethernet with VLAN tags, Linux cooked captures, raw IP."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import dpkt
from dpkt.pcap import UniversalReader

_ETHERNET, _COOKED, _COOKED2 = 1, 113, 276
_RAW = frozenset({12, 14, 101, 228, 229})
_VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_IP = frozenset({0x0800, 0x86DD})
_OUTGOING = b"\4"
"""Packet type of a cooked capture: this node sent it."""


class NotACapture(ValueError):
    """The file is neither pcap nor pcapng, or of a link layer that is not read."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A frame of a capture, numbered from 1, with the `seconds` since 1970 when it was seen. `ip` is None for frames
    without an IP packet; `sent` tells that this node sent it, None where the capture does not say.
    """

    number: int
    seconds: float
    ip: bytes | None
    src_mac: str | None = None
    dst_mac: str | None = None
    sent: bool | None = None


def read(file: BinaryIO) -> Iterator[Captured]:
    """The frames of a capture in order. Raises NotACapture, also behind the last frame that can be read."""
    reader = _reader(file)
    kind = reader.datalink()
    if kind not in (_ETHERNET, _COOKED, _COOKED2, *_RAW):
        raise NotACapture(f"link layer {kind} is not read; there are Ethernet, Linux cooked captures and raw IP")
    frames, number = iter(reader), 0
    while True:
        try:
            seconds, frame = next(frames)
        except StopIteration:
            return
        except _DAMAGED as error:
            raise NotACapture(f"damaged or cut short behind packet {number}: {error}") from None
        number += 1
        yield _captured(kind, number, float(seconds), bytes(frame))


_DAMAGED = (ValueError, LookupError, ArithmeticError, struct.error, dpkt.Error)
"""What the reader raises for bytes that make no sense."""


def _reader(file: BinaryIO) -> Any:
    try:
        return UniversalReader(file)
    except _DAMAGED as error:
        raise NotACapture(f"neither pcap nor pcapng: {error}") from None


def _captured(kind: int, number: int, seconds: float, frame: bytes) -> Captured:
    if kind == _ETHERNET:
        return Captured(number, seconds, _behind_tags(frame[12:]), _mac(frame[6:12]), _mac(frame[:6]))
    if kind == _COOKED:
        src = _mac(frame[6:12]) if frame[4:6] == b"\0\6" else None
        return Captured(number, seconds, _behind_tags(frame[14:]), src, None, frame[1:2] == _OUTGOING)
    if kind == _COOKED2:
        src = _mac(frame[12:18]) if frame[11:12] == b"\6" else None
        return Captured(number, seconds, _behind_tags(frame[:2] + frame[20:]), src, None, frame[10:11] == _OUTGOING)
    return Captured(number, seconds, frame)


def _mac(octets: bytes) -> str:
    return octets.hex(":")


def _behind_tags(frame: bytes) -> bytes | None:
    """`frame` starts with its EtherType."""
    while int.from_bytes(frame[:2], "big") in _VLAN_TAGS:
        frame = frame[4:]
    return frame[2:] if int.from_bytes(frame[:2], "big") in _IP else None
