from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.rates import bucket, rate
from ruleparse.netfilter.unsettled import here, of_the_rule, remembered
from ruleparse.netfilter.values import whole

_RATE = rate(10000)
_DEFAULT = _RATE.parse("3/hour")


def _tests(givens: Givens, context: Context) -> Tests:
    shown, burst = _RATE.show(givens.get("--limit", _DEFAULT)), givens.get("--limit-burst", 5)
    question = context.asks(f"the limit of {shown} (burst {burst}) has room {here(context)}")
    return [remembered(question, of_the_rule(question, context), bucket(burst))]


MATCH = Match(
    "limit",
    """A token bucket: matches while there is room. A dump does not hold how full it is, so this is an assumption; with
    --stateful it is full at first and nothing is refilled between packets (iptables-extensions(8);
    net/netfilter/xt_limit.c).""",
    (Option(("--limit",), _RATE), Option(("--limit-burst",), whole(32))),
    tests=_tests,
    native_in_nft=True,
)
