"""What `hbh` and `dst` share: the options inside a header (net/ipv6/netfilter/ip6t_hbh.c)."""

from __future__ import annotations

from ruleparse.codec import Codec, integer
from ruleparse.netfilter.bytewise import cut_if, of_bytes
from ruleparse.netfilter.extension import Context, Given, Givens, Match, Option, Tests
from ruleparse.netfilter.ipv6_headers import is_cut, whole_header
from ruleparse.netfilter.unsettled import written
from ruleparse.netfilter.values import TEXT, whole
from ruleparse.program import Test

Wanted = tuple[tuple[int, int | None], ...]
"""Option types in order, with their lengths where these matter."""

_PAD1, _ANY_LENGTH = 0, 255


def _parse(text: str) -> Wanted:
    found: list[tuple[int, int | None]] = []
    for word in text.split(","):
        kind, colon, length = word.partition(":")
        found.append((integer(kind, 0, 255), integer(length, 0, 255) if colon else None))
    return tuple(found)


def _show(wanted: Wanted) -> str:
    return ",".join(f"{kind}" if length is None else f"{kind}:{length}" for kind, length in wanted)


_OPTIONS = Codec("type[:length][,…]", _parse, _show)


def _begins_with(body: bytes, wanted: Wanted) -> bool:
    """The header's options must begin with these, in this order."""
    at = 0
    for number, (kind, length) in enumerate(wanted):
        if at >= len(body) or body[at] != kind:
            return False
        size = 1
        if kind != _PAD1:
            if at + 1 >= len(body) or (length not in (None, _ANY_LENGTH) and body[at + 1] != length):
                return False
            size = body[at + 1] + 2
        at += size
        if at > len(body) and number < len(wanted) - 1:
            return False
    return True


def _tests(kind: int, name: str, givens: Givens, context: Context) -> Tests:
    def holds(given: Given, header: bytes) -> bool:
        if given.name == f"--{name}-len":
            return (len(header) == given.value) is not given.negated
        return _begins_with(header[2:], given.value)

    def all_hold(_: object, raw: bytes) -> bool:
        header = whole_header(raw, kind)
        return header is not None and all(holds(given, header) for given in givens)

    question = context.asks(f"the packet has a {name} header{written(givens)}")
    cut = cut_if(lambda raw: is_cut(raw, kind, 2), name, "is cut short in its headers")
    return [cut, Test(of_bytes(name, all_hold, question, TEXT), None)]


def options_match(name: str, kind: int, doc: str) -> Match:
    """The declaration of a match for the options of one kind of header."""
    options = (Option((f"--{name}-len",), whole(32)), Option((f"--{name}-opts",), _OPTIONS))
    return Match(name, doc, options, families=(6,), tests=lambda givens, context: _tests(kind, name, givens, context))
