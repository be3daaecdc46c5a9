from __future__ import annotations

from ruleparse.netfilter.extension import NEVER, Context, Givens, Match, Option, Tests
from ruleparse.netfilter.unsettled import ask_each_time, here
from ruleparse.netfilter.values import whole

_WIDTH = {4: 32, 6: 128}


def _tests(givens: Givens, context: Context) -> Tests:
    name = "--connlimit-above" if givens.has("--connlimit-above") else "--connlimit-upto"
    above = (name == "--connlimit-above") is not givens.negated(name)
    most = givens.get(name, 0)
    if most == 0:
        return [] if above else [NEVER]
    side = "to the packet's destination" if givens.has("--connlimit-daddr") else "from the packet's source"
    mask = givens.get("--connlimit-mask", _WIDTH[context.family])
    words = f"there are more than {most} connections {side}/{mask}, this one included, {here(context)}"
    return [ask_each_time(context.asks(words, "conntrack -L"), not above)]


MATCH = Match(
    "connlimit",
    """How many connections a host or network has open; an assumption, but that the packet's own always counts, so that
    there are more than 0 of them
    (iptables-extensions(8); net/netfilter/xt_connlimit.c).""",
    (
        Option(("--connlimit-upto",), whole(32)),
        Option(("--connlimit-above",), whole(32)),
        Option(("--connlimit-mask",), whole(8)),
        Option(("--connlimit-saddr",)),
        Option(("--connlimit-daddr",)),
    ),
    state="unknown",
    tests=_tests,
)
