from __future__ import annotations

from ruleparse.netfilter.bytewise import of_bytes, transport_header
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.values import span_of
from ruleparse.program import Test

IPCOMP = 108


def _holds(value: tuple[int, int], raw: bytes) -> bool:
    header = transport_header(raw, IPCOMP)
    return header is not None and value[0] <= int.from_bytes(header[2:4], "big") <= value[1]


_SPI = span_of(32)


def _tests(givens: Givens, context: Context) -> Tests:
    for given in givens:
        if given.name == "--ipcompspi":
            question = context.asks(f"the packet's compression parameter index is {_SPI.show(given.value)}")
            yield Test(of_bytes("ipcomp", _holds, question, _SPI), given.value, given.negated)


MATCH = Match(
    "ipcomp",
    "The compression parameter index of an IPComp packet (iptables-extensions(8); net/netfilter/xt_ipcomp.c).",
    (Option(("--ipcompspi",), _SPI), Option(("--compres",))),
    tests=_tests,
    reads=4,
)
