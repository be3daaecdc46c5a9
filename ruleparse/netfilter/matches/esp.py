from __future__ import annotations

from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.values import range_key, span_of

_SPI = span_of(32)

MATCH = Match(
    "esp",
    "The security parameter index of an ESP packet (iptables-extensions(8); net/netfilter/xt_esp.c).",
    (Option(("--espspi",), _SPI, range_key("spi", "ESP index {}", _SPI)),),
    reads=8,
)
