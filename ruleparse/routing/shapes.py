"""Lines cut into words as a grammar says.

Lines of a shape that was seen before are cut by a regular expression, which is put together from the grammar's own
terminals in the order in which they were found in the first; what does not fit is cut by the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from ruleparse.grammars import terminal
from ruleparse.words import BadLine, Word, cut

__all__ = ["BadLine", "LineParser", "Word", "line_kinds", "lines"]

MOST_SHAPES = 256


class _Shape:
    """All lines that differ only in their values."""

    def __init__(self, parser: LineParser, text: str, words: list[Word]) -> None:
        self.kinds = [word.kind for word in words]
        pattern, at = [], 0
        for word in words:
            pattern += [_gap(text[at : word.start]), f"({parser.pattern(word)})"]
            at = word.end
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
        self.seen: set[tuple[str, ...]] = set()
        """shapes of which there was a line; an expression pays from the second on"""

    def pattern(self, word: Word) -> str:
        return terminal(self.grammar_name, word.kind) if word.kind in self.values else re.escape(word.text)

    def parse(self, text: str) -> list[Word]:
        """The words of a line. Raises BadLine."""
        for index, shape in enumerate(self.shapes):
            if found := shape.match(text):
                if index:
                    self.shapes.insert(0, self.shapes.pop(index))
                return shape.words(found)
        words = cut(self.grammar_name, self.start, text)
        self.learn(text, words)
        return words

    def learn(self, text: str, words: list[Word]) -> None:
        key = tuple(word.kind if word.kind in self.values else word.text for word in words)
        if key in self.seen:
            self.shapes.insert(0, _Shape(self, text, words))
            del self.shapes[MOST_SHAPES:]
        self.seen.add(key)


@cache
def line_kinds(*grammars: tuple[str, tuple[str, ...]]) -> re.Pattern[str]:
    """An expression that finds the next line and names its kind: terminals of rule `dump`, in this order."""
    patterns = [f"(?P<{kind}>{terminal(name, kind)})" for name, kinds in grammars for kind in kinds]
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
