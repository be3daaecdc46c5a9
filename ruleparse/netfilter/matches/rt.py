from __future__ import annotations

from ruleparse.codec import Codec, address, show_address
from ruleparse.netfilter.bytewise import cut_if, of_bytes
from ruleparse.netfilter.extension import Context, Given, Givens, Match, Option, Tests
from ruleparse.netfilter.ipv6_headers import ROUTING, is_cut, whole_header
from ruleparse.netfilter.unsettled import written
from ruleparse.netfilter.values import TEXT, span_of, whole
from ruleparse.program import Test

_START = 8
"""Where the addresses of a type 0 header begin."""

_ADDRESSES: Codec[tuple[int, ...]] = Codec(
    "address[,…]",
    lambda text: tuple(map(address, text.split(","))),
    lambda addresses: ",".join(show_address(a, 6) for a in addresses),
)


def _option_holds(given: Given, header: bytes) -> bool:
    match given.name:
        case "--rt-type":
            return bool(header[2] == given.value)
        case "--rt-segsleft":
            return bool(given.value[0] <= header[3] <= given.value[1])
        case "--rt-len":
            return bool(len(header) == given.value)
        case _:
            return header[4:_START] == b"\0\0\0\0"


def _visits(wanted: tuple[int, ...], header: bytes, strict: bool) -> bool:
    """Whether the header lists these addresses: exactly these, or these in order among others."""
    listed = [int.from_bytes(header[at : at + 16], "big") for at in range(_START, len(header) - 15, 16)]
    if strict:
        return list(wanted) == listed
    rest = iter(listed)
    return all(any(a == b for b in rest) for a in wanted)


def _tests(givens: Givens, context: Context) -> Tests:
    yield cut_if(lambda raw: is_cut(raw, ROUTING, 4), "rt", "is cut short in its headers")
    simple = [g for g in givens if g.name not in ("--rt-0-addrs", "--rt-0-not-strict")]
    wanted, strict = givens.get("--rt-0-addrs"), not givens.has("--rt-0-not-strict")

    def holds(_: object, raw: bytes) -> bool:
        header = whole_header(raw, ROUTING)
        if header is None or not all(_option_holds(g, header) is not g.negated for g in simple):
            return False
        return wanted is None or _visits(wanted, header, strict)

    question = context.asks(f"the packet has a routing header{written(givens)}")
    yield Test(of_bytes("routing header", holds, question, TEXT), None)


MATCH = Match(
    "rt",
    "The routing header of an IPv6 packet (ip6tables-extensions(8); net/ipv6/netfilter/ip6t_rt.c).",
    (
        Option(("--rt-type",), whole(32)),
        Option(("--rt-segsleft",), span_of(32)),
        Option(("--rt-len",), whole(32)),
        Option(("--rt-0-res",)),
        Option(("--rt-0-addrs",), _ADDRESSES),
        Option(("--rt-0-not-strict",)),
    ),
    families=(6,),
    tests=_tests,
)
