from __future__ import annotations

from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec, address, show_address
from ruleparse.netfilter.extension import Match, Option
from ruleparse.packet import Packet
from ruleparse.program import Key, World


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Addresses from `low` to `high`, both included."""

    low: int
    high: int
    family: int


def _parse(text: str) -> AddressRange:
    low, dash, high = text.partition("-")
    return AddressRange(address(low), address(high if dash else low), 6 if ":" in text else 4)


def _show(r: AddressRange) -> str:
    return f"{show_address(r.low, r.family)}-{show_address(r.high, r.family)}"


_CODEC = Codec("address-address", _parse, _show)


def _key(field: str, words: str) -> Key:
    def means(r: AddressRange, packet: Packet, _: World) -> Bool:
        return bits.between(packet[field], r.low, r.high)

    return Key((field,), _CODEC, means, words)


MATCH = Match(
    "iprange",
    "Addresses from one to another (iptables-extensions(8); net/netfilter/xt_iprange.c).",
    (
        Option(("--src-range",), _CODEC, _key("src", "source {}")),
        Option(("--dst-range",), _CODEC, _key("dst", "destination {}")),
    ),
)
