from __future__ import annotations

from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.values import range_key, span_of

_LENGTH = span_of(16)

MATCH = Match(
    "length",
    "The length of the whole packet, from the IP header on (iptables-extensions(8); net/netfilter/xt_length.c).",
    (Option(("--length",), _LENGTH, range_key("length", "length {}", _LENGTH)),),
)
