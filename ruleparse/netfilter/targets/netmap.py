from __future__ import annotations

from ruleparse.codec import Prefix
from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.nat import by_hook, translated
from ruleparse.netfilter.values import PREFIX
from ruleparse.program import Set


def _cases(givens: Givens, context: Context) -> list[Case]:
    net: Prefix = givens.get("--to")
    return [
        Case(tests, translated(side, context, Set(side.address, net.value, net.mask)))
        for side, tests in by_hook(context)
    ]


TARGET = Target(
    "NETMAP",
    """Puts the address into another network and keeps its host part: the destination in PREROUTING and OUTPUT, the
    source in INPUT and POSTROUTING (net/netfilter/xt_NETMAP.c).""",
    _cases,
    (Option(("--to",), PREFIX),),
    ends=True,
    tables=("nat",),
)
