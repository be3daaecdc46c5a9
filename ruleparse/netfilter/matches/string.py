from __future__ import annotations

import re
from dataclasses import dataclass

from ruleparse.bits import Bool
from ruleparse.codec import Codec
from ruleparse.netfilter import wire
from ruleparse.netfilter.bytewise import of_bytes
from ruleparse.netfilter.extension import Context, Given, Givens, Match, Option, Tests
from ruleparse.netfilter.values import TEXT, one_of, whole
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Key, Test, World

_END = 65535
_UPPER = bytes(c - 32 if 97 <= c <= 122 or (c >= 0xDF and c != 0xF7) else c for c in range(256))
"""toupper of the kernel's Latin-1 (lib/ctype.c)."""


@dataclass(frozen=True, slots=True)
class Search:
    """A pattern that must lie between two octets of the packet."""

    pattern: bytes
    start: int
    end: int
    any_case: bool


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _parse_hex(text: str) -> bytes:
    """`text|0d 0a|text`: between bars are bytes in hexadecimal."""
    parts = re.split(r"(?<!\\)\|", text)
    if len(parts) % 2 == 0:
        raise ValueError(f"{text!r} has a | without its other half")
    try:
        return b"".join(bytes.fromhex(p) if i % 2 else _octets(re.sub(r"\\(.)", r"\1", p)) for i, p in enumerate(parts))
    except ValueError:
        raise ValueError(f"{text!r} holds something that is not hexadecimal") from None


def _first(search: Search, raw: bytes) -> int | None:
    """Where the pattern first starts at or behind the octet to start from."""
    data, pattern = raw[: wire.layout(raw).end], search.pattern
    if search.any_case:
        data, pattern = data.translate(_UPPER), pattern.translate(_UPPER)
    at = data.find(pattern, search.start)
    return at if at >= 0 else None


def _starts_inside(search: Search, raw: bytes) -> bool:
    at = _first(search, raw)
    return at is not None and at <= search.end


def _lies_inside(search: Search, raw: bytes) -> bool:
    at = _first(search, raw)
    return at is not None and at + len(search.pattern) <= search.end


def _key(question: Assumption, is_new: Assumption) -> Key:
    inside, starts = (of_bytes("string", holds, question) for holds in (_lies_inside, _starts_inside))

    def means(search: Search, packet: Packet, world: World) -> Bool:
        """Since Linux 6.6 the pattern has to end before `--to`, before that it had to start there."""
        found = inside.means(search, packet, world)
        if found is not False or starts.means(search, packet, world) is False:
            return found
        new = world.ask(is_new)
        return not new if isinstance(new, bool) else ~new

    return Key(("string",), TEXT, means)


def _search(given: Given, givens: Givens) -> Search:
    pattern = _octets(given.value) if given.name == "--string" else given.value
    return Search(pattern, givens.get("--from", 0), givens.get("--to", _END), givens.has("--icase"))


def _tests(givens: Givens, context: Context) -> Tests:
    is_new = context.asks("the kernel of this node is 6.6 or newer", "uname -r", lasting=True)
    for given in givens:
        if given.name in ("--string", "--hex-string"):
            search = _search(given, givens)
            case = ", in any case" if search.any_case else ""
            text = given.option.codec.show(given.value)
            question = context.asks(f"octets {search.start} to {search.end} of the packet hold {text}{case}")
            yield Test(_key(question, is_new), search, given.negated)


MATCH = Match(
    "string",
    """Text anywhere in the packet, from the IP header on, or between two of its octets
    (iptables-extensions(8); net/netfilter/xt_string.c).""",
    (
        Option(("--string",), TEXT),
        Option(("--hex-string",), Codec("text|hex|", _parse_hex, lambda octets: f"|{octets.hex()}|")),
        Option(("--algo",), one_of({"bm": 0, "kmp": 1})),
        Option(("--from",), whole(16)),
        Option(("--to",), whole(16)),
        Option(("--icase",)),
    ),
    tests=_tests,
)
