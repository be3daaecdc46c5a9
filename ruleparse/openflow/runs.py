"""Flows in a row whose lines are of one shape: cut by a call that runs in C, each a flow when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, repeat
from typing import TypeVar

from ruleparse.openflow.action import Act, read_again
from ruleparse.openflow.cutting import Column, Cut, cut_of, is_one
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.parts import Part
from ruleparse.openflow.syntax import (
    FlowSyntax,
    Parser,
    Shape,
    SyntaxProblem,
    words,
)
from ruleparse.text import Diagnostic, Span

T = TypeVar("T")

ENOUGH = 8
"""Lines of one shape behind which it pays to look for more."""


class Run(Sequence[Flow]):
    """Flows of one shape. `columns` are the heads of their lines, if these vary, and what varies behind them."""

    def __init__(self, shape: Shape[FlowSyntax], cut: Cut, columns: list[Column], span: Span) -> None:
        self.shape = shape
        self.cut = cut
        self.span = span
        self._heads = columns[0] if cut.in_head else None
        self._others = columns[1:] if cut.in_head else columns
        self._flows: dict[int, Flow] = {}
        self._length = len(columns[0])

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: int) -> Flow:  # type: ignore[override]
        """The same flow each time."""
        if place not in self._flows:
            head = self.cut.pieces(self._heads[place]) if self._heads is not None else ()
            syntax = self.shape.fill([*head, *(column[place] for column in self._others)])
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

    def column(self, hole: int) -> Column:
        """What stands in one hole, flow by flow."""
        before = self.cut.in_head
        return self._counts[hole] if hole < before else self._others[hole - before]

    @cached_property
    def _counts(self) -> list[Column]:
        """What is in the holes of heads."""
        return list(zip(*self.heads(tuple), strict=True))

    def heads(self, read: Callable[[Sequence[str]], T]) -> Iterable[T]:
        """What `read` makes of what varies in the head of each flow: cookies, ages, counts."""
        heads = self._heads or ("",) * len(self)
        found = {head: read(self.cut.pieces(head)) for head in set(heads)}
        return map(found.__getitem__, heads)

    def actions(self) -> list[tuple[Act, ...]]:
        """What each does; those with the same words are read once. Raises ValueError."""
        acts = [self._acts(part) for part in self._parts]
        return list(zip(*acts, strict=True)) if acts else [()] * len(self)

    @property
    def _parts(self) -> list[Part]:
        """The actions of the shape."""
        holed = self.shape.holed
        if "parts" not in holed.derived:
            holed.derived["parts"] = [Part.of(element) for element in words(holed.actions)]
        found: list[Part] = holed.derived["parts"]
        return found

    def _acts(self, part: Part) -> Iterable[Act]:
        """One action of each."""
        columns = {n: self.column(n) for n in part.holes}
        pieces = {n: column[0] for n, column in columns.items()}
        varying = [n for n, column in columns.items() if not is_one(column)]
        first = read_again(part.fill(pieces))
        if not varying:
            return repeat(first, len(self))
        given = list(zip(*(columns[n] for n in varying), strict=True))
        read, found = part.reader(varying, first), {}
        for texts in set(given):
            pieces.update(zip(varying, texts, strict=True))
            found[texts] = read(pieces)
        return map(found.__getitem__, given)


class RunReader:
    """Reads flows, many at once where they are alike."""

    def __init__(self, parser: Parser[FlowSyntax]) -> None:
        self.parser = parser
        self._cuts: dict[Shape[FlowSyntax], Cut | None] = {}
        self._recent: tuple[Shape[FlowSyntax], Cut] | None = None
        """a long reply comes in many parts, and each goes on with flows that are like the last of the one before"""

    def read(self, stretch: Span) -> Iterator[Run | Flow | Diagnostic]:
        """The flows of a stretch of whole lines; what is wrong with those that cannot be read."""
        source, at = stretch.source, stretch.start
        end = stretch.end + source.text.startswith("\n", stretch.end)
        last: Shape[FlowSyntax] | None = None
        alike = 0
        while at < stretch.end:
            if self._recent is not None and (run := _run(*self._recent, Span(source, at, end))) is not None:
                yield run
                at = run.span.end + 1
                continue
            stop = source.text.find("\n", at, stretch.end)
            span = Span(source, at, stretch.end if stop < 0 else stop)
            at = span.end + 1
            try:
                shape, pieces = self.parser.shape(span) or (None, [])
                yield Flow(shape.fill(pieces) if shape else self.parser.directly(span), span)
            except SyntaxProblem as problem:
                yield problem.diagnostic
                continue
            alike = alike + 1 if shape is last else 1
            last = shape
            if shape is not None and (alike >= ENOUGH or shape in self._cuts):
                cut = self._cut(shape, pieces)
                self._recent = self._recent if cut is None else (shape, cut)

    def _cut(self, shape: Shape[FlowSyntax], pieces: Sequence[str]) -> Cut | None:
        if shape not in self._cuts:
            self._cuts[shape] = cut_of(shape, pieces)
        return self._cuts[shape]


def _run(shape: Shape[FlowSyntax], cut: Cut, rest: Span) -> Run | None:
    """As many lines of a shape as there are in a row, each with its newline; None where there is none."""
    columns = cut.columns(rest.source.text, rest.start, rest.end)
    if not columns:
        return None
    end = _end(rest.source.text, rest.start, len(columns[0]))
    return Run(shape, cut, columns, Span(rest.source, rest.start, end))


def _end(text: str, start: int, lines: int) -> int:
    """Where so many lines end."""
    for _ in range(lines):
        start = text.index("\n", start) + 1
    return start - 1
