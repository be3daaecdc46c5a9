"""Flows in a row whose lines are of one shape: cut by two calls that run in C, each a flow when somebody asks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, repeat
from operator import itemgetter

from ruleparse.openflow.action import Act, read_action
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.syntax import (
    Element,
    FlowSyntax,
    Parser,
    Shape,
    SyntaxProblem,
    compiled,
    hole_of,
    holes_in,
    words,
)
from ruleparse.text import Diagnostic, Span

ENOUGH = 8
"""Lines of one shape behind which it pays to look for more."""


class Run(Sequence[Flow]):
    """Flows of one shape. `rows` is what varies in each."""

    def __init__(self, shape: Shape[FlowSyntax], rows: list[tuple[str, ...]], span: Span) -> None:
        self.shape = shape
        self.rows = rows
        self.span = span
        self._flows: dict[int, Flow] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Flow:  # type: ignore[override]
        """The same flow each time."""
        if place not in self._flows:
            syntax = self.shape.fill(self.rows[place])
            start = self._starts[place]
            self._flows[place] = Flow(syntax, Span(self.span.source, start, self._starts[place + 1] - 1))
        return self._flows[place]

    @cached_property
    def _starts(self) -> list[int]:
        lines = self.span.text.split("\n")
        return list(accumulate((len(line) + 1 for line in lines), initial=self.span.start))

    @property
    def is_clause(self) -> bool:
        """Whether all that each does is to be a clause of conjunctions."""
        return "conjunction" in self.shape.holed.words

    def actions(self) -> list[tuple[Act, ...]]:
        """What each does; those with the same words are read once. Raises ValueError."""
        acts = [self._acts(element) for element in words(self._same.actions)]
        return list(zip(*acts, strict=True)) if acts else [()] * len(self)

    @cached_property
    def _same(self) -> FlowSyntax:
        """The shape, with holes only where these flows do differ."""
        columns = list(zip(*self.rows, strict=True))
        same: FlowSyntax = self.shape.fill(
            [column[0] if column.count(column[0]) == len(column) else hole_of(n) for n, column in enumerate(columns)]
        )
        return same

    def _acts(self, element: Element) -> Iterable[Act]:
        """One action of each."""
        holes = sorted(set(holes_in(element)))
        if not holes:
            return repeat(read_action(element), len(self))
        fill = compiled(element)
        given = [row[holes[0]] for row in self.rows] if len(holes) == 1 else list(map(itemgetter(*holes), self.rows))
        read = {words: read_action(fill(row)) for words, row in dict(zip(given, self.rows, strict=True)).items()}
        return [read[words] for words in given]

    def column(self, place: int) -> list[str]:
        """What stands in one hole, flow by flow."""
        return [row[place] for row in self.rows]


Patterns = tuple[re.Pattern[str], re.Pattern[str]]
"""What matches a line of a shape, and such lines in a row."""


class RunReader:
    """Reads flows, many at once where they are alike."""

    def __init__(self, parser: Parser[FlowSyntax]) -> None:
        self.parser = parser
        self._patterns: dict[Shape[FlowSyntax], Patterns | None] = {}

    def read(self, stretch: Span) -> Iterator[Run | Flow | Diagnostic]:
        """The flows of a stretch of whole lines; what is wrong with those that cannot be read."""
        text, at = stretch.source.text, stretch.start
        last: Shape[FlowSyntax] | None = None
        alike = 0
        while at < stretch.end:
            stop = text.find("\n", at, stretch.end)
            span = Span(stretch.source, at, stretch.end if stop < 0 else stop)
            at = span.end + 1
            try:
                shape, pieces = self.parser.shape(span) or (None, [])
                yield Flow(shape.fill(pieces) if shape else self.parser.directly(span), span)
            except SyntaxProblem as problem:
                yield problem.diagnostic
                continue
            alike = alike + 1 if shape is last else 1
            last = shape
            if shape is not None and (alike >= ENOUGH or shape in self._patterns):
                run = self._run(shape, pieces, Span(stretch.source, at, stretch.end))
                if run is not None:
                    yield run
                    at = run.span.end + 1

    def _run(self, shape: Shape[FlowSyntax], pieces: Sequence[str], rest: Span) -> Run | None:
        """As many lines of a shape as there are in a row, each with its newline; None where there is none."""
        if shape not in self._patterns:
            self._patterns[shape] = _patterns(shape, pieces)
        patterns = self._patterns[shape]
        if patterns is None:
            return None
        one, many = patterns
        found = many.match(rest.source.text, rest.start, rest.end)
        if found is None or found.end() == rest.start:
            return None
        rows = one.findall(rest.source.text, rest.start, found.end())
        if one.groups < 2:
            rows = [(row,)[: one.groups] for row in rows]
        return Run(shape, rows, Span(rest.source, rest.start, found.end() - 1))


def _patterns(shape: Shape[FlowSyntax], pieces: Sequence[str]) -> Patterns | None:
    """None for a shape of which a line could match and yet fall into other pieces."""
    between = shape.between
    literals = "".join(between)
    if not literals.isascii() or '"' in literals or any(b.startswith("=") for b in between[1:]):
        return None
    holes = [_hole(before, piece) for before, piece in zip(between, pieces, strict=False)]
    if None in holes:
        return None
    holes = [_BARE if n in shape.bare and hole in (_NUMBER, _ADDRESS) else hole for n, hole in enumerate(holes)]
    one, many = (
        "".join(f"{re.escape(before)}({kind}{hole})" for before, hole in zip(between, holes, strict=False))
        for kind in ("", "?:")
    )
    end = f"{re.escape(between[-1])}\\n"
    return re.compile(f" ?{one}{end}"), re.compile(f"(?>(?: ?{many}{end})*)")


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
