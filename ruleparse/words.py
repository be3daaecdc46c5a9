"""Cuts a line into words as a rule of a grammar says.

The rules that describe lines do not recurse, so an automaton takes them: its states are the places in the rule where a
reader may be, and at each the terminals that may follow are tried in Lark's order. Lark itself has to give the same
words; it is asked about lines that the automaton does not take, for it knows what is wrong with them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from ruleparse.grammars import grammar, notation

_NOTATION = re.compile(r'"[^"]*"|\w+|[][()|*+?]')
_ALIAS = re.compile(r"->[ ]*\w+")


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


def cut(grammar_name: str, rule: str, text: str) -> list[Word]:
    """The words of a line that a rule describes. Raises BadLine."""
    found = _automaton(grammar_name, rule).words(text)
    return cut_by_lark(grammar_name, rule, text) if found is None else found


def cut_by_lark(grammar_name: str, rule: str, text: str) -> list[Word]:
    """The same, by Lark alone. Raises BadLine."""
    from lark import Token
    from lark.exceptions import UnexpectedInput

    try:
        tree = grammar(grammar_name, rule).parse(text)
    except UnexpectedInput as error:
        at = getattr(error, "pos_in_stream", None)
        if at is None or at < 0:  # the line ended too soon
            at = len(text.rstrip())
        length = re.match(r"\S*", text[at:])
        raise BadLine(at, at + max(1, length.end() if length else 1)) from None
    tokens = tree.scan_values(lambda value: isinstance(value, Token))
    return [Word(t.type, str(t), t.start_pos or 0) for t in tokens]


Places = frozenset[int]
Matcher = Callable[[str, int], re.Match[str] | None]
_START, _END = 0, -1
_NOWHERE: Places = frozenset()


class _Part(NamedTuple):
    """A part of a rule: the places where it can begin and end, and whether it can be left out."""

    first: Places
    last: Places
    empty: bool


class _Choice(NamedTuple):
    """A terminal that may come next, and the places that may follow it."""

    kind: str
    match: Matcher
    then: Places


_NOTHING = _Part(_NOWHERE, _NOWHERE, True)


class _Automaton:
    """Glushkov's: a place is one mention of a terminal in a rule, with those that it calls written out."""

    def __init__(self, grammar_name: str, rule: str) -> None:
        self.notation = notation(grammar_name)
        self.mentioned = [""]
        self.follow = [_NOWHERE]
        self.states: dict[Places, list[_Choice]] = {}
        whole = _Notation(self, self.notation.rules[rule]).choice()
        self.link(whole.last, frozenset({_END}))
        self.follow[_START] = whole.first | ({_END} if whole.empty else _NOWHERE)

    # Building

    def mention(self, terminal: str) -> _Part:
        self.mentioned.append(terminal)
        self.follow.append(_NOWHERE)
        place = frozenset({len(self.mentioned) - 1})
        return _Part(place, place, False)

    def link(self, places: Places, following: Places) -> None:
        for place in places:
            self.follow[place] |= following

    def joined(self, a: _Part, b: _Part) -> _Part:
        self.link(a.last, b.first)
        first, last = a.first | b.first if a.empty else a.first, a.last | b.last if b.empty else b.last
        return _Part(first, last, a.empty and b.empty)

    # Running

    def words(self, text: str) -> list[Word] | None:
        """None if no way through the rule takes the whole line."""
        found: list[Word] = []
        following, at = self.follow[_START], 0
        while at < len(text):
            taken = self.take(following, text, at)
            if taken is None:
                return None
            kind, token, following = taken
            if kind[0] not in '"_':
                found.append(Word(kind, token, at))
            at += len(token)
        return found if _END in following else None

    def take(self, following: Places, text: str, at: int) -> tuple[str, str, Places] | None:
        for kind, match, then in self.choices(following):
            if token := match(text, at):
                return kind, token[0], then
        return None

    def choices(self, following: Places) -> list[_Choice]:
        """The terminals that may come, in the order in which they are tried, and what may follow each."""
        if following not in self.states:
            by_kind: dict[str, Places] = {}
            for place in following - {_END}:
                kind = self.mentioned[place]
                by_kind[kind] = by_kind.get(kind, _NOWHERE) | self.follow[place]
            if self.notation.ignored:
                by_kind[self.notation.ignored] = following
            kinds = sorted(by_kind, key=self.order)
            self.states[following] = [_Choice(kind, _matcher(self.pattern(kind)), by_kind[kind]) for kind in kinds]
        return self.states[following]

    def pattern(self, kind: str) -> str:
        if kind[0] == '"':
            return re.escape(kind[1:-1])
        return self.notation.terminals[kind]

    def order(self, kind: str) -> tuple[int, int, str]:
        """As Lark orders terminals, but for the width of what they match, which decides nothing in our grammars."""
        return -self.notation.priorities.get(kind, 0), -len(self.pattern(kind)), kind


class _Notation:
    """Reads the right-hand side of a rule into places of an automaton."""

    def __init__(self, automaton: _Automaton, text: str) -> None:
        self.automaton = automaton
        self.signs: list[str] = [*_NOTATION.findall(_ALIAS.sub("", text)), ""]
        self.at = 0

    def take(self) -> str:
        self.at += 1
        return self.signs[self.at - 1]

    def next_is(self, *signs: str) -> bool:
        return self.signs[self.at] in signs

    def choice(self) -> _Part:
        parts = [self.sequence()]
        while self.next_is("|"):
            self.take()
            parts.append(self.sequence())
        return _Part(_all(p.first for p in parts), _all(p.last for p in parts), any(p.empty for p in parts))

    def sequence(self) -> _Part:
        whole = _NOTHING
        while not self.next_is("|", ")", "]", ""):
            whole = self.automaton.joined(whole, self.item())
        return whole

    def item(self) -> _Part:
        part = self.atom(self.take())
        while self.next_is("*", "+", "?"):
            sign = self.take()
            if sign != "?":
                self.automaton.link(part.last, part.first)
            part = part._replace(empty=part.empty or sign != "+")
        return part

    def atom(self, sign: str) -> _Part:
        if sign in ("(", "["):
            part = self.choice()
            self.take()
            return part._replace(empty=part.empty or sign == "[")
        called = self.automaton.notation.rules.get(sign)
        return self.automaton.mention(sign) if called is None else _Notation(self.automaton, called).choice()


def _all(sets: Iterable[Places]) -> Places:
    return _NOWHERE.union(*sets)


@cache
def _automaton(grammar_name: str, rule: str) -> _Automaton:
    return _Automaton(grammar_name, rule)


@cache
def _matcher(pattern: str) -> Matcher:
    return re.compile(pattern).match
