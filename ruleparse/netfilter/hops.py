"""What `ttl` and `hl` share: comparisons with the TTL or hop limit (net/netfilter/xt_hl.c)."""

from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.netfilter.extension import Option
from ruleparse.netfilter.values import is_equal, whole
from ruleparse.packet import Packet
from ruleparse.program import Key, World

_OCTET = whole(8)


def _less(value: int, packet: Packet, _: World) -> Bool:
    return bits.negate(bits.at_least(packet["ttl"], value))


def _greater(value: int, packet: Packet, _: World) -> Bool:
    return bits.at_least(packet["ttl"], value + 1)


def hop_options(name: str, words: str) -> tuple[Option, ...]:
    return (
        Option((f"--{name}-eq", f"--{name}"), _OCTET, Key(("ttl",), _OCTET, is_equal("ttl"), f"{words} {{}}")),
        Option((f"--{name}-lt",), _OCTET, Key(("ttl",), _OCTET, _less, f"{words} below {{}}")),
        Option((f"--{name}-gt",), _OCTET, Key(("ttl",), _OCTET, _greater, f"{words} above {{}}")),
    )
