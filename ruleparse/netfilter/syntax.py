"""One rule's words: options, each with what was written behind it, grouped by the match or target they belong to.

Lark parses one rule of each shape; rules of a shape already seen are cut by a regular expression that is put together
from the grammar's own terminals, in the order in which Lark found them. What does not fit goes to Lark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ruleparse.grammars import grammar, terminal
from ruleparse.text import Diagnostic, Source, Span

if TYPE_CHECKING:
    from lark import Token, Tree


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

    def __init__(self, span: Span, shape: Shape, found: re.Match[str], at: int) -> None:
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
        return next((o.words[0] for o in self.options if o.name in names and o.words), None)

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

    def __init__(self, tokens: list[Token], slots: list[Slot], command: str, unsupported: bool) -> None:
        fixed = {g for s in slots if s.name in _FIXES_ITS_WORD for g in s.groups}
        parts = [_pattern(token, group in fixed) for group, token in enumerate(tokens, 1)]
        self.match = re.compile(r"[ \t]++".join(parts) + r"[ \t\r]*\Z").match
        self.slots = slots
        self.jump = next((i for i, slot in enumerate(slots) if slot.name in ("-j", "--jump")), None)
        self.command = command
        self.unsupported = unsupported


_FIXES_ITS_WORD = frozenset({"-m", "--match", "-p", "--protocol", "--proto"})


def _pattern(token: Token, fixed: bool) -> str:
    if fixed or token.type in _KINDS_KEPT:
        return f"({re.escape(token)})"
    return f"({terminal('iptables_save', 'rule', token.type)})"


LONGEST = 1 << 16
"""Characters of a rule; iptables-restore reads no more than 10,240."""


class RuleParser:
    """Parses rules, remembering their shapes."""

    def __init__(self) -> None:
        self.shapes: list[Shape] = []
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
        """The rule by any shape known, the last used first; else by one that it teaches."""
        for index, shape in enumerate(self.shapes):
            if found := shape.match(body):
                self.shapes.insert(0, self.shapes.pop(index))
                return RuleSyntax(span, shape, found, at)
        return self.learn(span.source, span, body, at)

    def learn(self, source: Source, span: Span, body: str, at: int) -> RuleSyntax:
        if len(body) > LONGEST:
            raise _problem(source, at, at + LONGEST, "this is longer than any rule can be")
        tokens, slots, command, unsupported = _parse_with_lark(source, body, at)
        shape = Shape(tokens, slots, command, unsupported)
        found = shape.match(body)
        if found is None:
            raise _problem(source, at, at + len(body), "the words of this rule run into each other")
        self.shapes.insert(0, shape)
        return RuleSyntax(span, shape, found, at)


def _problem(source: Source, start: int, end: int, message: str) -> SyntaxProblem:
    return SyntaxProblem(Diagnostic("syntax", "error", message, Span(source, start, end)))


def _parse_with_lark(source: Source, body: str, at: int) -> tuple[list[Token], list[Slot], str, bool]:
    from lark import Tree
    from lark.exceptions import UnexpectedInput

    try:
        tree = grammar("iptables_save", "rule").parse(body)
    except UnexpectedInput as error:
        start = at + max(0, getattr(error, "pos_in_stream", 0) or 0)
        end = start + max(1, len(str(getattr(error, "token", ""))))
        message = "this is not how a rule goes on; expected an option such as -s, -m or -j"
        raise _problem(source, start, end, message) from None
    tokens: list[Token] = []
    slots: list[Slot] = []
    unsupported = False
    for child in tree.children:
        if isinstance(child, Tree):
            slots.append(_slot(child, tokens))
        elif child:
            tokens.append(child)
            unsupported |= child.type == "UNSUPPORTED"
    return tokens, slots, str(tokens[0]), unsupported


def _slot(part: Tree[Token], tokens: list[Token]) -> Slot:
    """Add the tokens of one option to `tokens` and say where its words are (groups count from 1)."""
    sign, option = part.children
    negated = sign is not None
    if sign is not None:
        tokens.append(sign)  # type: ignore[arg-type]
    name, old_sign, *words = option.children  # type: ignore[union-attr]
    tokens.append(name)  # type: ignore[arg-type]
    name_group = len(tokens)
    if old_sign is not None:
        negated = not negated
        tokens.append(old_sign)  # type: ignore[arg-type]
    first = len(tokens) + 1
    tokens.extend(words)  # type: ignore[arg-type]
    return Slot(str(name), negated, tuple(range(first, first + len(words))), name_group)
