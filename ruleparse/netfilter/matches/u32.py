from __future__ import annotations

import re
from dataclasses import dataclass

from ruleparse.codec import Codec, Range, integer
from ruleparse.netfilter import wire
from ruleparse.netfilter.bytewise import of_bytes
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.program import Test

_WORD = (1 << 32) - 1
_OPERATION = re.compile(r"(&|<<|>>|@)")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Read the word at `start`, apply the operations in order, and look whether it lies in one of the ranges."""

    start: int
    operations: tuple[tuple[str, int], ...]
    ranges: tuple[Range, ...]


Comparisons = tuple[Comparison, ...]


def _number(text: str) -> int:
    return integer(text.strip(), 0, _WORD)


def _range(text: str) -> Range:
    low, colon, high = text.partition(":")
    return _number(low), _number(high if colon else low)


def _comparison(text: str) -> Comparison:
    location, equals, ranges = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} compares with nothing")
    start, *rest = _OPERATION.split(location)
    operations = tuple((op, _number(n)) for op, n in zip(rest[::2], rest[1::2], strict=True))
    return Comparison(_number(start), operations, tuple(map(_range, ranges.split(","))))


def _parse(text: str) -> Comparisons:
    return tuple(map(_comparison, text.split("&&")))


def _show_range(r: Range) -> str:
    return f"{r[0]:#x}" if r[0] == r[1] else f"{r[0]:#x}:{r[1]:#x}"


def _show(comparisons: Comparisons) -> str:
    def one(c: Comparison) -> str:
        operations = "".join(f"{op}{n:#x}" for op, n in c.operations)
        return f"{c.start:#x}{operations}={','.join(map(_show_range, c.ranges))}"

    return "&&".join(map(one, comparisons))


def _value(c: Comparison, data: bytes) -> int | None:
    """The word as the operations leave it; None if they lead out of the packet."""
    base, at = 0, c.start
    if at + 4 > len(data):
        return None
    value = int.from_bytes(data[at : at + 4], "big")
    for operation, number in c.operations:
        match operation:
            case "&":
                value &= number
            case "<<":
                value = value << (number & 31) & _WORD
            case ">>":
                value >>= number & 31
            case _:
                base, at = base + value, number
                if base > _WORD or base + at + 4 > len(data):
                    return None
                value = int.from_bytes(data[base + at : base + at + 4], "big")
    return value


def holds(comparisons: Comparisons, raw: bytes) -> bool:
    """Whether every comparison holds; one that leaves the packet does not."""
    data = raw[: wire.layout(raw).end]
    for c in comparisons:
        value = _value(c, data)
        if value is None or not any(low <= value <= high for low, high in c.ranges):
            return False
    return True


_CODEC = Codec("start[op number…]=range[,range…][&&…]", _parse, _show)


def _tests(givens: Givens, context: Context) -> Tests:
    for given in givens:
        question = context.asks(f"the packet's bytes fit u32 {_show(given.value)}")
        yield Test(of_bytes("u32", holds, question, _CODEC), given.value, given.negated)


MATCH = Match(
    "u32",
    """Words of the packet, from the IP header on, under masks and shifts
    (iptables-extensions(8); net/netfilter/xt_u32.c).""",
    (Option(("--u32",), _CODEC),),
    tests=_tests,
)
