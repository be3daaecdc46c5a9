from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests, ask
from ruleparse.netfilter.values import TEXT, whole
from ruleparse.program import Masked

_SYN = 2


def _tests(givens: Givens, context: Context) -> Tests:
    yield Masked("tcp_flags", _SYN, _SYN)
    for given in givens:
        if given.name == "--genre":
            words = f"the packet's fingerprint is that of {given.value}"
            yield ask(context.asks(words, "the packet itself, and pf.os of this node"), given.negated)


MATCH = Match(
    "osf",
    """What operating system sent a TCP SYN, by its fingerprint; an assumption, and never true of other packets
    (iptables-extensions(8); net/netfilter/xt_osf.c).""",
    (Option(("--genre",), TEXT), Option(("--ttl",), whole(8)), Option(("--log",), whole(8))),
    families=(4,),
    state="unknown",
    tests=_tests,
)
