from __future__ import annotations

from ruleparse.netfilter import wire
from ruleparse.netfilter.bytewise import cut_if, of_bytes, tcp_options_are_cut
from ruleparse.netfilter.extension import Context, Cut, Givens, Match, Option, Tests
from ruleparse.netfilter.quirks import SHORTER
from ruleparse.netfilter.values import span_of
from ruleparse.program import Test

_MSS = span_of(16)
_KIND, _HEADER = 2, 20


def _holds(value: tuple[int, int, bool], raw: bytes) -> bool:
    """A packet without the option matches only negated."""
    low, high, negated = value
    size = wire.tcp_options(raw).get(_KIND)
    inside = size is not None and len(size) == 2 and low <= int.from_bytes(size, "big") <= high
    return inside is not negated


def _tests(givens: Givens, context: Context) -> Tests:
    yield Cut(Test(SHORTER, _HEADER), "the packet is too short for -m tcpmss, which drops it on the spot")
    yield cut_if(tcp_options_are_cut, "tcpmss", "has TCP options that are cut short")
    for given in givens:
        announced = f"a maximum segment size {'other than' if given.negated else 'of'} {_MSS.show(given.value)}"
        question = context.asks(f"the packet announces {announced}")
        yield Test(of_bytes("mss", _holds, question, _MSS), (*given.value, given.negated))


MATCH = Match(
    "tcpmss",
    "The maximum segment size that a TCP packet announces (iptables-extensions(8); net/netfilter/xt_tcpmss.c).",
    (Option(("--mss",), _MSS),),
    tests=_tests,
)
