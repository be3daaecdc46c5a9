from __future__ import annotations

from ruleparse.codec import Codec
from ruleparse.netfilter import wire
from ruleparse.netfilter.bytewise import of_bytes
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.ipv6_headers import AUTH, DESTINATION, ESP, FRAGMENT, HOP_BY_HOP, NONE, ROUTING, header_length
from ruleparse.program import Test

_BITS = {HOP_BY_HOP: 128, DESTINATION: 64, ROUTING: 32, FRAGMENT: 16, AUTH: 8, ESP: 4, NONE: 2}
_PAYLOAD = 1
_LONG = {
    "hop-by-hop": 128, "ipv6-opts": 64, "ipv6-route": 32, "ipv6-frag": 16, "ah": 8, "esp": 4, "ipv6-nonxt": 2,
    "protocol": 1,
}  # fmt: skip
_SHORT = {"hop": 128, "dst": 64, "route": 32, "frag": 16, "auth": 8, "none": 2, "prot": 1, "proto": 1}
_NUMBERS = {str(number): bit for number, bit in _BITS.items()}
_NAMES = {**_LONG, **_SHORT, **_NUMBERS}


def _parse(text: str) -> int:
    value = 0
    for word in text.lower().split(","):
        if word not in _NAMES:
            raise ValueError(f"{word} is not an IPv6 header ({', '.join(_LONG)})")
        value |= _NAMES[word]
    return value


_HEADERS = Codec("header[,header…]", _parse, lambda value: ",".join(name for name, bit in _LONG.items() if value & bit))


def headers_of(raw: bytes) -> int | None:
    """Bits of the headers that a packet has; None if it is cut off in the middle of them."""
    data = raw[: wire.layout(raw).end]
    kind, at, found = data[6], 40, 0
    while kind in _BITS:
        if kind == NONE:
            return found | _BITS[NONE]
        if at + 2 > len(data):
            return None
        found |= _BITS[kind]
        if kind == ESP:
            return found
        kind, at = data[at], at + header_length(kind, data[at:])
        if at > len(data):
            break
    return found if kind in (NONE, ESP) else found | _PAYLOAD


def _tests(givens: Givens, context: Context) -> Tests:
    wanted: int = givens.get("--header", 0)
    negated, soft = givens.negated("--header"), givens.has("--soft")

    def holds(_: object, raw: bytes) -> bool:
        """--soft: all of them, negated none of them; else exactly these, negated any others."""
        found = headers_of(raw)
        if found is None:
            return False
        if soft:
            return found & wanted == (0 if negated else wanted)
        return (found == wanted) is not negated

    among = "among others" if soft else "and no others"
    question = context.asks(f"the packet has {'not ' * negated}the headers {_HEADERS.show(wanted)} {among}")
    yield Test(of_bytes("headers", holds, question, _HEADERS), wanted)


MATCH = Match(
    "ipv6header",
    "Which extension headers an IPv6 packet has (ip6tables-extensions(8); net/ipv6/netfilter/ip6t_ipv6header.c).",
    (Option(("--header",), _HEADERS), Option(("--soft",))),
    families=(6,),
    tests=_tests,
)
