from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ruleparse.codec import Codec, Prefix, prefix, show_prefix
from ruleparse.netfilter.bytewise import of_bytes
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.ipv6_headers import ROUTING, whole_header
from ruleparse.netfilter.unsettled import written
from ruleparse.netfilter.values import TEXT, whole
from ruleparse.program import Test

_TYPE = 4
_START = 8
_NUMBERS = {"next-hdr": 0, "hdr-len": 1, "segs-left": 3, "last-entry": 4}
"""Which octet of the header an option compares."""

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda have, want: have == want,
    "gt": lambda have, want: have > want,
    "lt": lambda have, want: have < want,
}


def _segment(header: bytes, index: int) -> int | None:
    at = _START + 16 * index
    return int.from_bytes(header[at : at + 16], "big") if index >= 0 and len(header) >= at + 16 else None


def _identifier(name: str, header: bytes) -> int | None:
    """The previous, next or last segment identifier; None where there is none."""
    left, last = header[3], header[4]
    if name == "--srh-psid":
        return None if left == last else _segment(header, left + 1)
    return _segment(header, 0) if name == "--srh-lsid" else _segment(header, left - 1)


def _option_holds(name: str, value: Any, negated: bool, header: bytes) -> bool:
    if isinstance(value, Prefix):
        have = _identifier(name, header)
        return have is not None and (have & value.mask == value.value) is not negated
    if name == "--srh-tag":  # the kernel takes it as it stands in the memory of a little-endian machine
        return (int.from_bytes(header[6:8], "little") == value) is not negated
    field, _, how = name.removeprefix("--srh-").rpartition("-")
    if how not in _COMPARE:
        field, how = f"{field}-{how}", "eq"
    return _COMPARE[how](header[_NUMBERS[field]], value) is not negated


def _tests(givens: Givens, context: Context) -> Tests:
    def holds(_: object, raw: bytes) -> bool:
        header = whole_header(raw, ROUTING)
        if header is None or header[2] != _TYPE or header[3] > header[4]:
            return False
        return all(_option_holds(g.name, g.value, g.negated, header) for g in givens)

    question = context.asks(f"the packet has a segment routing header{written(givens)}")
    yield Test(of_bytes("segment routing", holds, question, TEXT), None)


_PREFIX = Codec("address[/length]", prefix, show_prefix)
_COMPARED = [f"--srh-{field}-{how}" for field in ("hdr-len", "segs-left", "last-entry") for how in _COMPARE]

MATCH = Match(
    "srh",
    "The segment routing header of an IPv6 packet (ip6tables-extensions(8); net/ipv6/netfilter/ip6t_srh.c).",
    (
        Option(("--srh-next-hdr",), whole(8)),
        *(Option((name,), whole(8)) for name in _COMPARED),
        Option(("--srh-tag",), whole(16)),
        *(Option((f"--srh-{which}sid",), _PREFIX) for which in "pnl"),
    ),
    families=(6,),
    tests=_tests,
)
