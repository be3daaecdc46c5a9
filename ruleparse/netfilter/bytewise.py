"""For matches that read the packet's bytes: what they look at, and what they ask where there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ruleparse.bits import Bool
from ruleparse.codec import Codec
from ruleparse.netfilter import wire
from ruleparse.netfilter.values import TEXT
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Key, World

REWRITABLE = ("src", "dst", "sport", "dport", "ttl", "tos")

Holds = Callable[[Any, bytes], bool]


def of_bytes(name: str, holds: Holds, question: Assumption, codec: Codec[Any] = TEXT) -> Key:
    """A key that is settled by the packet's bytes as they are now (from the IP header on), else by asking."""

    def means(value: Any, packet: Packet, world: World) -> Bool:
        raw = wire.current(packet)
        if raw is not None:
            return holds(value, raw)
        return world.ask(question, about=tuple(packet.values.get(field) for field in REWRITABLE))

    return Key((name,), codec, means)


def transport_header(raw: bytes, protocol: int) -> bytes | None:
    """What follows the IP headers, if it is of this protocol and no later fragment."""
    found = wire.layout(raw)
    return raw[found.offset :] if found.protocol == protocol and not found.fragment else None
