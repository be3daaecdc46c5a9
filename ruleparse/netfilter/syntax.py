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


@dataclass(frozen=True, slots=True)
class RuleSyntax:
    """A rule as written, nothing of it understood yet."""

    span: Span
    command: str
    chain: str
    options: tuple[Option, ...]
    unsupported: bool = False
    """holds `[unsupported revision]`: the tool that saved it could not print it"""

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


def unquote(word: str) -> str:
    """What a word means to iptables-restore: quotes cut, and inside them a backslash makes the next character plain."""
    if '"' not in word:
        return word
    head, _, rest = word.partition('"')
    body = rest[:-1] if rest.endswith('"') else rest
    return head + (re.sub(r"\\(.)", r"\1", body, flags=re.S) if "\\" in body else body)


_COUNTERS = re.compile(r"\[\d+:\d+\][ \t]*")
_KINDS_KEPT = frozenset({"COMMAND", "OPTION", "TEXT_OPTION", "LETTER_OPTION", "NOT", "OLD_NOT", "UNSUPPORTED"})


@dataclass(frozen=True, slots=True)
class _Slot:
    """An option of a shape: which groups of its expression hold its words."""

    name: str
    negated: bool
    groups: tuple[int, ...]
    name_group: int


class _Shape:
    """All rules that differ only in their values."""

    def __init__(self, tokens: list[Token], slots: list[_Slot], command: str, unsupported: bool) -> None:
        parts = [_pattern(t) for t in tokens]
        self.match = re.compile(r"[ \t]++".join(parts) + r"[ \t\r]*\Z").match
        self.slots = slots
        self.command = command
        self.unsupported = unsupported

    def replay(self, found: re.Match[str], span: Span, at: int) -> RuleSyntax:
        options = tuple(
            Option(
                slot.name,
                tuple(unquote(found[g]) for g in slot.groups),
                slot.negated,
                at + found.start(slot.name_group),
                at + found.end(slot.groups[-1] if slot.groups else slot.name_group),
            )
            for slot in self.slots
        )
        return RuleSyntax(span, self.command, found[2], options, self.unsupported)


def _pattern(token: Token) -> str:
    if token.type in _KINDS_KEPT:
        return f"({re.escape(token)})"
    return f"({terminal('iptables_save', 'rule', token.type)})"


class RuleParser:
    """Parses rules, remembering their shapes."""

    def __init__(self) -> None:
        self.shapes: list[_Shape] = []

    def parse(self, span: Span) -> RuleSyntax:
        """The words of the rule at `span`. Raises SyntaxProblem."""
        source, text = span.source, span.text
        counters = _COUNTERS.match(text)
        skip = counters.end() if counters else 0
        body = text[skip:] if skip else text
        for index, shape in enumerate(self.shapes):
            if found := shape.match(body):
                if index:
                    self.shapes.insert(0, self.shapes.pop(index))
                return shape.replay(found, span, span.start + skip)
        return self.learn(source, span, body, span.start + skip)

    def learn(self, source: Source, span: Span, body: str, at: int) -> RuleSyntax:
        tokens, slots, command, unsupported = _parse_with_lark(source, body, at)
        shape = _Shape(tokens, slots, command, unsupported)
        found = shape.match(body)
        if found is None:
            raise AssertionError(f"the shape of a rule does not fit the rule itself: {body!r}")
        self.shapes.insert(0, shape)
        return shape.replay(found, span, at)


def _parse_with_lark(source: Source, body: str, at: int) -> tuple[list[Token], list[_Slot], str, bool]:
    from lark.exceptions import UnexpectedInput

    try:
        tree = grammar("iptables_save", "rule").parse(body)
    except UnexpectedInput as error:
        start = at + max(0, getattr(error, "pos_in_stream", 0) or 0)
        end = start + max(1, len(str(getattr(error, "token", ""))))
        message = "this is not how a rule goes on; expected an option such as -s, -m or -j"
        raise SyntaxProblem(Diagnostic("syntax", "error", message, Span(source, start, end))) from None
    tokens: list[Token] = []
    slots: list[_Slot] = []
    unsupported = False
    for child in tree.children:
        if child is None:
            continue
        if hasattr(child, "children"):
            slots.append(_slot(child, tokens))
        else:
            tokens.append(child)
            unsupported |= child.type == "UNSUPPORTED"
    return tokens, slots, str(tokens[0]), unsupported


def _slot(part: Tree[Token], tokens: list[Token]) -> _Slot:
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
    return _Slot(str(name), negated, tuple(range(first, first + len(words))), name_group)
