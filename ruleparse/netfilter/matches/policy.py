from __future__ import annotations

from ruleparse.netfilter.core import PROTOCOL
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests, ask
from ruleparse.netfilter.unsettled import written
from ruleparse.netfilter.values import HOST_PREFIX, hexadecimal, one_of, whole
from ruleparse.program import Masked


def _tests(givens: Givens, context: Context) -> Tests:
    if givens.get("--pol") == 0:
        yield Masked("ipsec", 0, 1)
        return
    yield Masked("ipsec", 1, 1)
    if wanted := written(given for given in givens if given.name not in ("--dir", "--pol")):
        yield ask(context.asks(f"IPsec transforms the packet as{wanted} says", "ip xfrm policy; ip xfrm state"))


MATCH = Match(
    "policy",
    """Whether IPsec decrypted the packet or will encrypt it. A packet is taken for one without IPsec unless it is
    said to have it; how it is transformed is an assumption (iptables-extensions(8); net/netfilter/xt_policy.c).""",
    (
        Option(("--dir",), one_of({"in": 1, "out": 2})),
        Option(("--pol",), one_of({"none": 0, "ipsec": 1})),
        Option(("--strict",)),
        Option(("--reqid",), whole(32)),
        Option(("--spi",), hexadecimal(32)),
        Option(("--proto",), PROTOCOL),
        Option(("--mode",), one_of({"transport": 0, "tunnel": 1})),
        Option(("--tunnel-dst",), HOST_PREFIX),
        Option(("--tunnel-src",), HOST_PREFIX),
        Option(("--next",)),
    ),
    tests=_tests,
)
