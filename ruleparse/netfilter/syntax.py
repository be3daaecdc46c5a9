"""One rule's words: options, each with what was written behind it, grouped by the match or target they belong to.

Rules of a shape that was seen before are cut by a regular expression, which is put together from the grammar's own
terminals in the order in which they were found in the first; what does not fit is cut by the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Protocol

from ruleparse.grammars import terminal
from ruleparse.text import Diagnostic, Source, Span
from ruleparse.words import BadLine, Word, cut


class Found(Protocol):
    """Where in a rule its words stand, counted from 1: what a match of a shape's expression says."""

    def __getitem__(self, index: int, /) -> str: ...
    def start(self, index: int, /) -> int: ...
    def end(self, index: int, /) -> int: ...


class _Cut:
    """The same of a rule that was cut by the grammar."""

    __slots__ = ("words",)

    def __init__(self, words: list[Word]) -> None:
        self.words = words

    def __getitem__(self, index: int) -> str:
        return self.words[index - 1].text

    def start(self, index: int) -> int:
        return self.words[index - 1].start

    def end(self, index: int) -> int:
        return self.words[index - 1].end


@dataclass(frozen=True, slots=True)
class Option:
    """An option as written: `words` without their quotes. `start` and `end` are offsets in the source."""

    name: str
    words: tuple[str, ...]
    negated: bool
    start: int
    end: int


class RuleSyntax:
    """A rule as written, nothing of it understood yet: its shape, and where in its line the values stand."""

    __slots__ = ("at", "found", "shape", "span")

    def __init__(self, span: Span, shape: Shape, found: Found, at: int) -> None:
        self.span = span
        self.shape = shape
        self.found = found
        self.at = at

    @property
    def command(self) -> str:
        return self.shape.command

    @property
    def chain(self) -> str:
        return self.found[2]

    @property
    def unsupported(self) -> bool:
        """Holds `[unsupported revision]`: the tool that saved it could not print it."""
        return self.shape.unsupported

    @property
    def options(self) -> tuple[Option, ...]:
        return tuple(self.option(index) for index in range(len(self.shape.slots)))

    def option(self, index: int) -> Option:
        """The option at a place of the shape."""
        slot, found, at = self.shape.slots[index], self.found, self.at
        last = slot.groups[-1] if slot.groups else slot.name_group
        start, end = at + found.start(slot.name_group), at + found.end(last)
        return Option(slot.name, self.words(index), slot.negated, start, end)

    def words(self, index: int) -> tuple[str, ...]:
        """The words behind the option at a place of the shape."""
        groups = self.shape.slots[index].groups
        if len(groups) == 1:
            return (unquote(self.found[groups[0]]),)
        return tuple([unquote(self.found[g]) for g in groups])

    def option_span(self, option: Option) -> Span:
        return Span(self.span.source, option.start, option.end)

    def first(self, *names: str) -> str | None:
        """The first word of the first option of one of these names."""
        slots = enumerate(self.shape.slots)
        return next((self.words(index)[0] for index, slot in slots if slot.name in names and slot.groups), None)

    def named(self, *names: str) -> Option | None:
        """The first option of one of these names."""
        return next((self.option(index) for index, slot in enumerate(self.shape.slots) if slot.name in names), None)

    def comments(self) -> Iterator[str]:
        return (o.words[0] for o in self.options if o.name == "--comment" and o.words)


class SyntaxProblem(Exception):
    """A rule that the grammar does not describe."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


_QUOTED = re.compile(r'([^"]*)"([^"\\]*(?:\\[\s\S][^"\\]*)*)"')


def unquote(word: str) -> str:
    """What a word means to iptables-restore: quotes cut, and inside them a backslash makes the next character plain."""
    found = _QUOTED.fullmatch(word) if '"' in word else None
    if found is None:
        return word
    head, body = found.groups()
    return head + (re.sub(r"\\([\s\S])", r"\1", body) if "\\" in body else body)


_COUNTERS = re.compile(r"\[\d+:\d+\][ \t]*")
_KINDS_KEPT = frozenset({"COMMAND", "OPTION", "TEXT_OPTION", "LETTER_OPTION", "UNSUPPORTED"})


@dataclass(frozen=True, slots=True)
class Slot:
    """An option of a shape: which groups of its expression hold its words."""

    name: str
    negated: bool
    groups: tuple[int, ...]
    name_group: int


class Shape:
    """All rules that differ only in their values, but for the names of matches and protocols."""

    def __init__(self, words: list[Word]) -> None:
        self.slots = list(_slots(words))
        self.jump = next((i for i, slot in enumerate(self.slots) if slot.name in ("-j", "--jump")), None)
        self.command = words[0].text
        self.unsupported = any(word.kind == "UNSUPPORTED" for word in words)
        fixed = {g for s in self.slots if s.name in _FIXES_ITS_WORD for g in s.groups}
        self.patterns = tuple(_pattern(word, group in fixed) for group, word in enumerate(words, 1))

    @cached_property
    def match(self) -> Callable[[str], re.Match[str] | None]:
        return re.compile(r"[ \t]++".join(self.patterns) + r"[ \t\r]*\Z").match


_FIXES_ITS_WORD = frozenset({"-m", "--match", "-p", "--protocol", "--proto"})


def _pattern(word: Word, fixed: bool) -> str:
    if fixed or word.kind in _KINDS_KEPT:
        return f"({re.escape(word.text)})"
    return f"({terminal('iptables_save', word.kind)})"


LONGEST = 1 << 16
"""Characters of a rule; iptables-restore reads no more than 10,240."""


class RuleParser:
    """Parses rules, remembering their shapes."""

    def __init__(self) -> None:
        self.shapes: list[Shape] = []
        self.seen: dict[tuple[str, ...], Shape] = {}
        """by their patterns; an expression pays from the second rule on"""
        self.last: Shape | None = None
        self.next: dict[Shape | None, Shape] = {}
        """the shape that came last time after one: chains of a kind repeat the same few"""

    def parse(self, span: Span) -> RuleSyntax:
        """The words of the rule at `span`. Raises SyntaxProblem."""
        text = span.text
        counters = _COUNTERS.match(text) if text.startswith("[") else None
        skip = counters.end() if counters else 0
        body = text[skip:] if skip else text
        expected = self.next.get(self.last)
        if expected is not None and (found := expected.match(body)):
            self.last = expected
            return RuleSyntax(span, expected, found, span.start + skip)
        syntax = self.search(span, body, span.start + skip)
        self.next[self.last] = syntax.shape
        self.last = syntax.shape
        return syntax

    def search(self, span: Span, body: str, at: int) -> RuleSyntax:
        """The rule by any shape known, the last used first; else by the grammar."""
        for index, shape in enumerate(self.shapes):
            if found := shape.match(body):
                self.shapes.insert(0, self.shapes.pop(index))
                return RuleSyntax(span, shape, found, at)
        words = _cut(span.source, body, at)
        return RuleSyntax(span, self.learn(Shape(words)), _Cut(words), at)

    def learn(self, shape: Shape) -> Shape:
        """The shape as it is known, and tried from now on if this was the second rule of it."""
        known = self.seen.setdefault(shape.patterns, shape)
        if known is not shape and known not in self.shapes:
            self.shapes.insert(0, known)
        return known


def _problem(source: Source, start: int, end: int, message: str) -> SyntaxProblem:
    return SyntaxProblem(Diagnostic("syntax", "error", message, Span(source, start, end)))


def _cut(source: Source, body: str, at: int) -> list[Word]:
    if len(body) > LONGEST:
        raise _problem(source, at, at + LONGEST, "this is longer than any rule can be")
    try:
        words = cut("iptables_save", "rule", body)
    except BadLine as bad:
        message = "this is not how a rule goes on; expected an option such as -s, -m or -j"
        raise _problem(source, at + bad.start, at + bad.end, message) from None
    gaps = (body[one.end : other.start] for one, other in pairwise(words))
    if words[0].start or not all(gap and not gap.strip(" \t") for gap in gaps):
        raise _problem(source, at, at + len(body), "the words of this rule run into each other")
    return words


_NAMES = ("LETTER_OPTION", "TEXT_OPTION", "OPTION")
_WORDS = ("ANY_WORD", "VALUE")


def _slots(words: list[Word]) -> Iterator[Slot]:
    """The options among the words of a rule."""
    starts = [index for index, word in enumerate(words) if word.kind in _NAMES]
    for start, end in pairwise([*starts, len(words)]):
        negations = [words[start - 1].kind, *(word.kind for word in words[start:end])]
        negated = ("NOT" in negations[:1]) != ("OLD_NOT" in negations)
        groups = tuple(index + 1 for index in range(start, end) if words[index].kind in _WORDS)
        yield Slot(words[start].text, negated, groups, start + 1)
