from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.quirks import SHORTER
from ruleparse.netfilter.values import whole
from ruleparse.program import Masked, Test

_ECE, _CWR, _TCP_HEADER = 64, 128, 20


def _tests(givens: Givens, _: Context) -> Tests:
    if givens.has("--ecn-tcp-cwr") or givens.has("--ecn-tcp-ece"):
        yield Test(SHORTER, _TCP_HEADER, negated=True)
    for given in givens:
        if given.name == "--ecn-ip-ect":
            yield Masked("tos", given.value, 3, given.negated)
        else:
            flag = _CWR if given.name == "--ecn-tcp-cwr" else _ECE
            yield Masked("tcp_flags", flag, flag, given.negated)


MATCH = Match(
    "ecn",
    """The ECN bits of the IP header and of the TCP flags; a header too short for them matches nothing
    (iptables-extensions(8); net/netfilter/xt_ecn.c).""",
    (
        Option(("--ecn-tcp-cwr",)),
        Option(("--ecn-tcp-ece",)),
        Option(("--ecn-ip-ect",), whole(2)),
    ),
    tests=_tests,
)
