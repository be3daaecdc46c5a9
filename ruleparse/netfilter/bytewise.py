"""For matches that read the packet's bytes: what they look at, and what they ask where there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ruleparse.bits import Bool, Number
from ruleparse.codec import Codec
from ruleparse.netfilter import wire
from ruleparse.netfilter.extension import Cut
from ruleparse.netfilter.values import TEXT, joined
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Key, Test, World

_REWRITABLE = ("src", "dst", "sport", "dport", "ttl", "tos", "tcp_flags", "mss_limit")


def as_it_is_now(packet: Packet) -> Number:
    """What a question about the packet's bytes is about: rules may have rewritten some since it was last asked."""
    return joined(packet, _REWRITABLE)


Holds = Callable[[Any, bytes], bool]


def of_bytes(name: str, holds: Holds, question: Assumption, codec: Codec[Any] = TEXT) -> Key:
    """A key that is settled by the packet's bytes as they are now (from the IP header on), else by asking."""

    def means(value: Any, packet: Packet, world: World) -> Bool:
        raw = wire.current(packet)
        if raw is not None:
            return holds(value, raw)
        return world.ask(question, about=as_it_is_now(packet))

    return Key((name,), codec, means)


def cut_if(broken: Callable[[bytes], bool], match: str, what: str = "is malformed") -> Cut:
    """Packets, given byte by byte, that a match drops on the spot."""

    def means(_: None, packet: Packet, __: World) -> Bool:
        return packet.raw is not None and broken(packet.raw)

    return Cut(Test(Key(("malformed",), TEXT, means), None), f"the packet {what}, so -m {match} drops it on the spot")


def tcp_options_are_cut(raw: bytes) -> bool:
    """Whether the TCP header's own length contradicts itself, or its options go on behind the packet's end."""
    found = wire.layout(raw)
    if found.end - found.offset < 20:
        return True
    length = raw[found.offset + 12] >> 4
    return length < 5 or (length > 5 and found.offset + 4 * length > found.end)


def transport_header(raw: bytes, protocol: int) -> bytes | None:
    """What follows the IP headers, if it is of this protocol and no later fragment."""
    found = wire.layout(raw)
    return raw[found.offset : found.end] if found.protocol == protocol and not found.fragment else None
