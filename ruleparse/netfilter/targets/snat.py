from __future__ import annotations

from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.nat import NAT_RANGE, PERSISTENT, RANDOM, SOURCE, is_random, rewrite


def _cases(givens: Givens, context: Context) -> list[Case]:
    return rewrite(SOURCE, givens.get("--to-source"), context, random=is_random(givens))


TARGET = Target(
    "SNAT",
    """Rewrites the source of the connection, once, at its first packet
    (iptables-extensions(8); net/netfilter/xt_nat.c).""",
    _cases,
    (Option(("--to-source",), NAT_RANGE), *RANDOM, PERSISTENT),
    ends=True,
    tables=("nat",),
)
