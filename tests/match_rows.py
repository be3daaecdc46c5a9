"""The rows of tests/tables/matches*.toml: rules, packets, and whether the rules match them."""

from __future__ import annotations

import ipaddress
import struct
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.oracle import wire
from tests.places import TABLES

FILES = sorted(TABLES.glob("matches*.toml"))
_SEGMENT_ROUTING = 4


@dataclass(frozen=True)
class Row:
    """`match` is true, false, "unknown" or "dropped"; `made_of` says what its bytes are, `packet` its fields."""

    name: str
    rule: str
    match: bool | str
    packet: dict[str, Any]
    made_of: dict[str, Any]
    note: str = ""
    family: int = 4
    flavour: str = "legacy"
    kernel: bool = True
    routes: list[str] = field(default_factory=list)
    groups: dict[str, int] | None = None
    sets: str = ""
    sysctl: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        where = [f"v{self.family}" * (self.family == 6), self.flavour * (self.flavour == "nft"), self.note]
        return " ".join(filter(None, [self.rule, *where]))

    @property
    def raw(self) -> bytes | None:
        """The packet from the IP header on, if the row gives it byte by byte."""
        return bytes_of(**self.made_of) if self.made_of else None


def rows() -> Iterator[Row]:
    for path in FILES:
        for name, group in tomllib.loads(path.read_text()).items():
            common = {"packet": {}, "bytes": {}, **group.get("common", {})}
            for row in group["rows"]:
                packet = {**common["packet"], **row.get("packet", {})}
                every = {**common, **row, "packet": packet}
                yield Row(name, made_of=every.pop("bytes"), **every)


def bytes_of(
    options: str = "",
    payload: str = "",
    segments: list[str] | None = None,
    left: int = 0,
    tag: int = 0,
    raw: str = "",
    **fields: Any,
) -> bytes:
    """The bytes of wire.Packet(fields…); `segments`, `left` and `tag` are of a segment routing header, `raw` is all."""
    if raw:
        return bytes.fromhex(raw)
    packet = {**fields, "options": bytes.fromhex(options), "payload": payload.encode()}
    for name in ("icmp", "extensions"):
        if name in packet:
            packet[name] = tuple(packet[name])
    if segments:
        inner = wire.Packet(**packet).encode()[40:]
        listed = b"".join(ipaddress.IPv6Address(s).packed for s in segments)
        head = struct.pack(
            "!BBBBBBH", packet["proto"], len(listed) // 8, _SEGMENT_ROUTING, left, len(segments) - 1, 0, tag
        )
        packet |= {"proto": wire.ROUTING, "payload": head + listed + inner}
    return wire.Packet(**packet).encode()
