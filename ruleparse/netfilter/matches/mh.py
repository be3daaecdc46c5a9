from __future__ import annotations

from ruleparse.codec import Codec, Range, integer, show_range
from ruleparse.netfilter.bytewise import cut_if, of_bytes, transport_header
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.ipv6_headers import NONE
from ruleparse.program import Test

MOBILITY = 135
_NAMES = {
    "binding-refresh-request": 0, "brr": 0, "home-test-init": 1, "hoti": 1, "careof-test-init": 2, "coti": 2,
    "home-test": 3, "hot": 3, "careof-test": 4, "cot": 4, "binding-update": 5, "bu": 5, "binding-acknowledgement": 6,
    "ba": 6, "binding-error": 7, "be": 7,
}  # fmt: skip


def _type(text: str) -> int:
    return _NAMES[text.lower()] if text.lower() in _NAMES else integer(text, 0, 255)


def _parse(text: str) -> Range:
    low, colon, high = text.partition(":")
    if not colon:
        return _type(text), _type(text)
    return _type(low) if low else 0, _type(high) if high else 255


def _holds(value: Range, raw: bytes) -> bool:
    header = transport_header(raw, MOBILITY)
    return header is not None and len(header) >= 6 and value[0] <= header[2] <= value[1]


def _goes_on(raw: bytes) -> bool:
    """Nothing may follow a mobility header."""
    header = transport_header(raw, MOBILITY)
    return header is not None and len(header) >= 6 and header[0] != NONE


_TYPES = Codec("type[:type]|name", _parse, show_range)


def _tests(givens: Givens, context: Context) -> Tests:
    yield cut_if(_goes_on, "mh", "goes on behind its mobility header")
    for given in givens:
        question = context.asks(f"the packet's mobility header is of type {_TYPES.show(given.value)}")
        yield Test(of_bytes("mh type", _holds, question, _TYPES), given.value, given.negated)


MATCH = Match(
    "mh",
    "The type of an IPv6 mobility header (ip6tables-extensions(8); net/ipv6/netfilter/ip6t_mh.c).",
    (Option(("--mh-type",), _TYPES),),
    families=(6,),
    tests=_tests,
    reads=6,
)
