"""What conntrack reads of a TCP segment (RFC 9293, RFC 7323, RFC 2018)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ruleparse.netfilter import wire

FIN, SYN, RST, ACK, URG = 1, 2, 4, 16, 32
_MOST_SHIFT = 14


@dataclass(frozen=True, slots=True)
class Segment:
    """`end` is the sequence number behind it; `shift` is of the window scale option, None if it has none."""

    flags: int
    seq: int
    end: int
    ack: int
    window: int
    shift: int | None = None
    allows_sack: bool = False
    has_options: bool = False
    blocks: tuple[int, ...] = ()
    """right edges of its SACK blocks"""


def segment(raw: bytes) -> Segment:
    """Read a packet that conntrack takes for well formed."""
    found = wire.layout(raw)
    body = raw[found.offset : found.end]
    seq, ack, offset, flags, window = struct.unpack_from("!4xIIBBH", body)
    header = (offset >> 4) * 4
    length = len(body) - header + bool(flags & SYN) + bool(flags & FIN)
    options = wire.tcp_options(raw)
    return Segment(
        flags,
        seq,
        (seq + length) & 0xFFFFFFFF,
        ack,
        window,
        min(options[3][0], _MOST_SHIFT) if len(options.get(3, b"")) == 1 else None,
        options.get(4) == b"",
        header > 20,
        struct.unpack(f"!{len(options[5]) // 4}I", options[5])[1::2] if _are_blocks(options.get(5, b"")) else (),
    )


def _are_blocks(option: bytes) -> bool:
    return len(option) >= 8 and len(option) % 8 == 0
