from __future__ import annotations

from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.tos_names import DSCP_CLASSES
from ruleparse.netfilter.values import hexadecimal, one_of
from ruleparse.program import Masked


def _test(value: int, negated: bool) -> Masked:
    return Masked("tos", value << 2, 0xFC, negated)


MATCH = Match(
    "dscp",
    "The upper six bits of the TOS octet or traffic class (iptables-extensions(8); net/netfilter/xt_dscp.c).",
    (
        Option(("--dscp",), hexadecimal(6, 2), build=_test),
        Option(("--dscp-class",), one_of(DSCP_CLASSES), build=_test),
    ),
)
