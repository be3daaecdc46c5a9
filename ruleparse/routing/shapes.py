"""Lines cut into words as a grammar says.

Lark parses one line of each shape. Lines of a shape already seen are cut by a regular expression that is put together
from the grammar's own terminals, in the order in which Lark found them; what does not fit goes to Lark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from ruleparse.grammars import grammar, terminal

if TYPE_CHECKING:
    from lark import Token

MOST_SHAPES = 256


class Word(NamedTuple):
    """A terminal of the grammar, what it matched, and where in its line."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class BadLine(Exception):
    """A line that the grammar does not describe; `start` to `end` is where it stopped making sense."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end


class _Shape:
    """All lines that differ only in their values."""

    def __init__(self, parser: LineParser, text: str, tokens: list[Token]) -> None:
        self.kinds = [token.type for token in tokens]
        pattern, at = [], 0
        for token in tokens:
            assert token.start_pos is not None
            pattern += [_gap(text[at : token.start_pos]), f"({parser.pattern(token)})"]
            at = token.start_pos + len(token)
        self.match = re.compile("".join(pattern) + r"[ \t\r]*\Z").match

    def words(self, found: re.Match[str]) -> list[Word]:
        return [Word(kind, found[i], found.start(i)) for i, kind in enumerate(self.kinds, 1)]


def _gap(text: str) -> str:
    """What stands between two words: blanks, as many as there like, and signs as they are."""
    pieces = re.split(r"([ \t\r\n\\]+)", text)
    return "".join(re.escape(piece) if i % 2 == 0 else r"[ \t\r\n\\]++" for i, piece in enumerate(pieces))


class LineParser:
    """Parses lines by one rule of a grammar, remembering their shapes.

    Terminals named in `values` differ between lines of one shape; the others are kept as they are.
    """

    def __init__(self, grammar_name: str, start: str, values: frozenset[str]) -> None:
        self.grammar_name = grammar_name
        self.start = start
        self.values = values
        self.shapes: list[_Shape] = []

    def pattern(self, token: Token) -> str:
        return terminal(self.grammar_name, self.start, token.type) if token.type in self.values else re.escape(token)

    def parse(self, text: str) -> list[Word]:
        """The words of a line. Raises BadLine."""
        for index, shape in enumerate(self.shapes):
            if found := shape.match(text):
                if index:
                    self.shapes.insert(0, self.shapes.pop(index))
                return shape.words(found)
        tokens = _lark_tokens(self.grammar_name, self.start, text)
        shape = _Shape(self, text, tokens)
        self.shapes.insert(0, shape)
        del self.shapes[MOST_SHAPES:]
        return [Word(t.type, str(t), t.start_pos) for t in tokens if t.start_pos is not None]


def _lark_tokens(grammar_name: str, start: str, text: str) -> list[Token]:
    from lark import Token
    from lark.exceptions import UnexpectedInput

    try:
        tree = grammar(grammar_name, start).parse(text)
    except UnexpectedInput as error:
        at = getattr(error, "pos_in_stream", None)
        if at is None or at < 0:  # the line ended too soon
            at = len(text.rstrip())
        length = re.match(r"\S*", text[at:])
        raise BadLine(at, at + max(1, length.end() if length else 1)) from None
    return list(tree.scan_values(lambda value: isinstance(value, Token)))


@cache
def line_kinds(*grammars: tuple[str, tuple[str, ...]]) -> re.Pattern[str]:
    """An expression that finds the next line and names its kind: terminals of rule `dump`, in this order."""
    patterns = [f"(?P<{kind}>{terminal(name, 'dump', kind)})" for name, kinds in grammars for kind in kinds]
    return re.compile("|".join([*patterns, r"(?P<BAD_LINE>[^\n]+)"]))


def lines(text: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Every line of a text by its kind (`lastgroup`); empty lines are passed over, and a backslash ends a line too."""
    position = 0
    while position < len(text):
        if text[position] in "\n\\":
            position += 1
            continue
        found = pattern.match(text, position)
        assert found is not None
        yield found
        position = max(found.end(), position + 1)
