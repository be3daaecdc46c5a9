from __future__ import annotations

from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.unsettled import ask_each_time, here, written
from ruleparse.netfilter.values import TEXT, whole

_RATE: Codec[str] = Codec("rate", str, str)


def _tests(givens: Givens, context: Context) -> Tests:
    return [ask_each_time(context.asks(f"the estimated rates fit{written(givens)} {here(context)}"))]


MATCH = Match(
    "rateest",
    """Compares rates that RATEEST targets estimate; an assumption
    (iptables-extensions(8); net/netfilter/xt_rateest.c).""",
    (
        Option(("--rateest1", "--rateest"), TEXT),
        Option(("--rateest2",), TEXT),
        Option(("--rateest-delta",)),
        Option(("--rateest-lt",)),
        Option(("--rateest-gt",)),
        Option(("--rateest-eq",)),
        Option(("--rateest-bps1", "--rateest-bps"), _RATE),
        Option(("--rateest-bps2",), _RATE),
        Option(("--rateest-pps1", "--rateest-pps"), whole(32)),
        Option(("--rateest-pps2",), whole(32)),
    ),
    state="unknown",
    tests=_tests,
)
