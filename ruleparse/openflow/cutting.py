"""How lines of one shape are cut into what varies in them, many by a call that runs in C.

What stands before the match - a cookie, how old the flow is, what it counted - few ask for: it is cut out as one, the
head of a line, and taken apart when somebody does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from ruleparse.openflow.flows import COUNTS
from ruleparse.openflow.syntax import FlowSyntax, Shape, hole

Column = tuple[str, ...]
"""What stands in one place of some lines, line by line."""


@dataclass(slots=True)
class Cut:
    """`pattern` finds the lines of a shape one after another: the head, if any of the shape's holes are in it, and what
    is in the others; behind them at once all that is left, of which it gives nothing."""

    pattern: re.Pattern[str]
    head: str
    """a pattern of what its lines begin with"""
    in_head: int
    """how many holes"""
    _head: re.Pattern[str] | None = field(default=None, init=False)

    def columns(self, text: str, start: int, end: int) -> list[Column]:
        """What varies in as many lines of this shape as there are from `start` on; nothing where there is none."""
        found = self.pattern.findall(text, start, end)
        rows = [(row,) for row in found] if self.pattern.groups == 1 else found
        if rows and not rows[-1][-1]:
            rows.pop()
        return [(column[0],) * len(column) if is_one(column) else column for column in zip(*rows, strict=True)]

    def pieces(self, head: str) -> Sequence[str]:
        """What is in the holes of a head."""
        self._head = self._head or re.compile(self.head)
        found = self._head.fullmatch(head)
        assert found is not None, head
        return found.groups()


def is_one(column: Column) -> bool:
    """Whether all of a column is the same."""
    return column[0] == column[-1] and column.count(column[0]) == len(column)


def cut_of(shape: Shape[FlowSyntax], pieces: Sequence[str]) -> Cut | None:
    """How lines are cut like one of a shape with these pieces. None for a shape of which a line could match and yet
    fall into other pieces, or in which nothing varies."""
    between = shape.between
    literals = "".join(between)
    if not pieces or not literals.isascii() or '"' in literals or any(b.startswith("=") for b in between[1:]):
        return None
    holes = [_hole(before, piece) for before, piece in zip(between, pieces, strict=False)]
    if None in holes:
        return None
    holes = [_BARE if n in shape.bare and hole in (_NUMBER, _ADDRESS) else hole for n, hole in enumerate(holes)]
    parts = [(re.escape(before), hole) for before, hole in zip(between, holes, strict=False)]
    count = _in_head(shape)
    head = "".join(f"{before}(?:{hole})" for before, hole in parts[:count])
    rest = "".join(f"{before}({hole})" for before, hole in parts[count:])
    line = f" ?({head}){rest}" if head else f" ?{rest}"
    pieces_of = "".join(f"{before}({hole})" for before, hole in parts[:count])
    return Cut(re.compile(f"{line}{re.escape(between[-1])}\\n|(?s:.+)"), pieces_of, count)


def _in_head(shape: Shape[FlowSyntax]) -> int:
    """How many holes are counts before all else."""
    counts = takewhile(lambda item: item[0] in COUNTS, shape.holed.items)
    return sum(1 for _ in takewhile(lambda found: hole(found[1][1]) == found[0], enumerate(counts)))


_QUOTED = r'"[^"\\\n]*+"(?=[,)\s])'
_PORT = r'[^,\s(){}"]++'
_NAMED = r"[A-Za-z][A-Za-z0-9_.-]*+(?=[,)\s])"
_NUMBER = r"[0-9][0-9A-Za-z_.:/]*+"
_ADDRESS = rf"{_NUMBER}|[a-f][0-9a-f]{{0,3}}+:[0-9a-f:./]*+|::[0-9a-f:./]*+"
_BARE = r"[0-9][0-9A-Za-z_./]*+"


def _hole(before: str, piece: str) -> str | None:
    """What varies behind some text, written so that a line falls into the same pieces as `Parser.shape` makes of it.
    None where what came before the text could make a difference."""
    for name in ("in_port=", "output:"):
        if name.endswith(before):
            return None
    if piece.startswith('"'):
        return _QUOTED
    if before.endswith("in_port="):
        return _PORT
    if before.endswith("output:") and not piece[0].isdecimal():
        return _NAMED
    return _ADDRESS if ":" in piece else _NUMBER
