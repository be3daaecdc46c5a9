from __future__ import annotations

from ruleparse.codec import Codec, masked_number
from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.tos_names import TOS_NAMES
from ruleparse.netfilter.values import masked_test

_NAMES = {name.lower(): value for name, value in TOS_NAMES.items()}


def parse_tos(text: str) -> tuple[int, int]:
    """A name leaves the two bits of ECN alone, a bare number does not."""
    return (_NAMES[text.lower()], 0x3F) if text.lower() in _NAMES else masked_number(text, 8)


_CODEC = Codec("value[/mask]|name", parse_tos, lambda pair: f"0x{pair[0]:02x}/0x{pair[1]:02x}")

MATCH = Match(
    "tos",
    "The TOS octet or traffic class under a mask (iptables-extensions(8); net/netfilter/xt_dscp.c).",
    (Option(("--tos",), _CODEC, build=masked_test("tos")),),
)
