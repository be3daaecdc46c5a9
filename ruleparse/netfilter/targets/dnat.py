from __future__ import annotations

from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.nat import DESTINATION, NAT_RANGE, PERSISTENT, RANDOM, is_random, rewrite


def _cases(givens: Givens, context: Context) -> list[Case]:
    return rewrite(DESTINATION, givens.get("--to-destination"), context, random=is_random(givens))


TARGET = Target(
    "DNAT",
    """Rewrites the destination of the connection, once, at its first packet
    (iptables-extensions(8); net/netfilter/xt_nat.c).""",
    _cases,
    (Option(("--to-destination",), NAT_RANGE), *RANDOM, PERSISTENT),
    ends=True,
    tables=("nat",),
)
