from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.rates import rate
from ruleparse.netfilter.unsettled import ask_each_time, here
from ruleparse.netfilter.values import whole

_RATE = rate(10000)
_DEFAULT = _RATE.parse("3/hour")


def _tests(givens: Givens, context: Context) -> Tests:
    shown, burst = _RATE.show(givens.get("--limit", _DEFAULT)), givens.get("--limit-burst", 5)
    return [ask_each_time(context.asks(f"the limit of {shown} (burst {burst}) has room {here(context)}"))]


MATCH = Match(
    "limit",
    """A token bucket: matches while there is room. A dump does not hold how full it is, so this is an assumption
    (iptables-extensions(8); net/netfilter/xt_limit.c).""",
    (Option(("--limit",), _RATE), Option(("--limit-burst",), whole(32))),
    state="unknown",
    tests=_tests,
    native_in_nft=True,
)
