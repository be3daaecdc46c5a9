from __future__ import annotations

from ruleparse.codec import Codec, integer
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.unsettled import ask_each_time, here, written
from ruleparse.netfilter.values import TEXT

_RATE: Codec[str] = Codec("[rate]", lambda text="": text, optional=True)
_PACKETS: Codec[str] = Codec("[number]", lambda text="": text and str(integer(text)), optional=True)


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
        Option(("--rateest-pps1", "--rateest-pps"), _PACKETS),
        Option(("--rateest-pps2",), _PACKETS),
    ),
    state="unknown",
    tests=_tests,
)
