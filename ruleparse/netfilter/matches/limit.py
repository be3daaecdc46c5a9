from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens, Match, Option
from ruleparse.netfilter.rates import rate
from ruleparse.netfilter.unsettled import asks, here
from ruleparse.netfilter.values import whole

_RATE = rate(10000)
_DEFAULT = _RATE.parse("3/hour")


def _words(givens: Givens, context: Context) -> str:
    shown = _RATE.show(givens.get("--limit", _DEFAULT))
    return f"the limit of {shown} (burst {givens.get('--limit-burst', 5)}) has room {here(context)}"


MATCH = Match(
    "limit",
    """A token bucket: matches while there is room. A dump does not hold how full it is, so this is an assumption
    (iptables-extensions(8); net/netfilter/xt_limit.c).""",
    (Option(("--limit",), _RATE), Option(("--limit-burst",), whole(32))),
    state="unknown",
    tests=asks(_words),
    native_in_nft=True,
)
