"""One line of a dump: what is written about a flow or a group, nothing of it understood yet.

Lark parses one line of each shape. A line is cut into what varies (numbers, addresses, names of ports) and what stands
between; all lines with the same text between have the same tree, which is filled with what varies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ruleparse.grammars import grammar
from ruleparse.text import Diagnostic, Span

if TYPE_CHECKING:
    from lark import Tree


Pieces = Sequence[str] | Mapping[int, str]
"""What varies in a line, by hole."""
Fill = Callable[[Pieces], Any]
"""What makes a part of a line from what varies in it."""


class Element(NamedTuple):
    """One action or argument: `word`, `word:text`, `word=text`, or `word(inside)->arrow`; `sign` tells which.

    A tuple, as a dump has so many that what making and comparing them costs can be felt.
    """

    word: str
    sign: str = ""
    text: str = ""
    inside: tuple[Element | None, ...] = ()
    arrow: str = ""

    def __str__(self) -> str:
        if self.sign != "(":
            return f"{self.word}{self.sign}{self.text}"
        inside = ",".join("" if e is None else str(e) for e in self.inside)
        return f"{self.word}({inside}){self.arrow}"


Elements = tuple[Element | None, ...]


Items = tuple[tuple[str, str | None], ...]


class FlowSyntax:
    """A flow as written: names with their values (None where there is none) in a row, then the actions.

    Actions are filled when somebody asks for them. `words` are what they begin with; `derived` is for what readers
    find to be the same in all flows of one shape.
    """

    __slots__ = ("_actions", "_late", "derived", "items", "words")

    def __init__(self, items: Items, actions: Elements) -> None:
        self.items = items
        self._actions: Elements | None = actions
        self._late: tuple[Fill, Pieces] | None = None
        self.words = tuple(e.word for e in actions if e is not None)
        self.derived: dict[str, Any] = {}

    def like_this(self, items: Items, actions: Fill, pieces: Pieces) -> FlowSyntax:
        """Another flow of this shape."""
        other = FlowSyntax.__new__(FlowSyntax)
        other.items, other._actions, other._late = items, None, (actions, pieces)
        other.words, other.derived = self.words, self.derived
        return other

    @property
    def actions(self) -> Elements:
        if self._actions is None:
            assert self._late is not None
            fill, pieces = self._late
            self._actions = fill(pieces)
        return self._actions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FlowSyntax) and (self.items, self.actions) == (other.items, other.actions)

    def __hash__(self) -> int:
        return hash((self.items, self.actions))


@dataclass(frozen=True, slots=True)
class Entry:
    """One element of a group; whether `bucket=` and `actions=` stand before it."""

    bucket: bool
    actions: bool
    element: Element | None


@dataclass(frozen=True, slots=True)
class GroupSyntax:
    entries: tuple[Entry, ...]


class SyntaxProblem(Exception):
    """A line that the grammar does not describe."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


LONGEST = 1 << 20
"""Characters of a line that are looked at; one reply of OpenFlow holds 64 KiB."""

_VARIES = re.compile(
    r"""((?<=[=:(,\s])"[^"\\\n]*(?:\\.[^"\\\n]*)*"(?=[,)\s]|\Z)   # a name in quotes
        | (?<=in_port=)[^,\s(){}"]+ | (?<=output:)[A-Za-z][\w.-]*(?=[,)\s]|\Z)
        | (?<![\w\]+|-])(?: [0-9][\w.:/]* | [0-9a-f]{1,4}:[0-9a-f:./]* | ::[0-9a-f:./]* ) )""",
    re.VERBOSE,
)
_FIRST = 0xE000
_MOST = 0xF8FF - _FIRST
"""Characters for private use: in a shape they stand for what varies."""
_HOLES = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + _MOST)}]")

S = TypeVar("S")


@dataclass(eq=False)
class Shape(Generic[S]):
    """What lines have in common that differ only in what varies. `holed` is their tree, with a character for private
    use wherever something varies; `fill` makes that of a line."""

    between: tuple[str, ...]
    holed: S
    fill: Fill
    bare: tuple[int, ...]
    """holes where a colon would begin a value: `1` and `1:2` are not alike there"""


class Parser(Generic[S]):
    """Parses lines of one kind, remembering their shapes."""

    def __init__(self, name: str, start: str, build: Callable[[Tree[Any]], S]) -> None:
        self.name = name
        self.start = start
        self.build = build
        self.shapes: dict[tuple[str, ...], Shape[S]] = {}

    def parse(self, span: Span) -> S:
        """The parts of the line at `span`. Raises SyntaxProblem."""
        found = self.shape(span)
        if found is None:
            return self.directly(span)
        shape, pieces = found
        filled: S = shape.fill(pieces)
        return filled

    def shape(self, span: Span) -> tuple[Shape[S], list[str]] | None:
        """The shape of the line at `span` and what varies in it; None where none is kept. Raises SyntaxProblem."""
        text = _one_line(span.text)
        pieces = _VARIES.split(text)
        between = tuple(pieces[::2])
        shape = self.shapes.get(between)
        if shape is None:
            if len(text) > LONGEST or len(between) > _MOST or _HOLES.search(text):
                return None
            holes = "".join(b + chr(_FIRST + i) for i, b in enumerate(between))[:-1]
            holed = self.tree(holes, span, text)
            shape = self.shapes[between] = Shape(between, holed, compiled(holed), tuple(holes_in(holed, bare=True)))
        varying = pieces[1::2]
        return None if any(":" in varying[n] for n in shape.bare) else (shape, varying)

    def directly(self, span: Span) -> S:
        """The same without remembering."""
        text = _one_line(span.text)
        if len(text) > LONGEST:
            raise SyntaxProblem(Diagnostic("syntax", "error", "this line is longer than any flow can be", span))
        return self.tree(text, span, text)

    def tree(self, text: str, span: Span, written: str) -> S:
        from lark.exceptions import UnexpectedInput

        try:
            return self.build(grammar(self.name, self.start).parse(text))
        except UnexpectedInput as error:
            at = max(0, getattr(error, "pos_in_stream", 0) or 0)
            start = span.start + len(span.text) - len(span.text.lstrip()) + _unfilled(text, at, written)
            where = Span(span.source, min(start, span.end), min(start + 1, span.end))
            message = f"this is not how a {self.start} goes on"
            raise SyntaxProblem(Diagnostic("syntax", "error", message, where)) from None


_FOLDED = re.compile(r"\\?\r?\n[ \t]*")


def _one_line(text: str) -> str:
    """A line as it was before people folded it."""
    return _FOLDED.sub("", text).strip() if "\n" in text else text.strip()


def _unfilled(text: str, at: int, written: str) -> int:
    """The place in a line of a place in its shape."""
    pieces = _VARIES.split(written)[1::2]
    return at + sum(len(pieces[ord(c) - _FIRST]) - 1 for c in text[:at] if _HOLES.match(c) and text != written)


def hole(text: str | None) -> int | None:
    """Which hole of a shape a text is; None if it is more, or less."""
    return ord(text) - _FIRST if text is not None and len(text) == 1 and _HOLES.match(text) else None


def hole_of(number: int) -> str:
    """The text of a hole."""
    return chr(_FIRST + number)


def has_holes(part: Any) -> bool:
    """Whether a part of a shape varies."""
    return next(holes_in(part), None) is not None


def holes_in(part: Any, *, bare: bool = False) -> Iterator[int]:
    """The holes of a part; with `bare` only those in words."""
    if isinstance(part, str):
        yield from () if bare else (ord(c) - _FIRST for c in _HOLES.findall(part))
        return
    if isinstance(part, Element) and bare:
        yield from holes_in(part.word)
    inside = part.actions if isinstance(part, FlowSyntax) else part
    names = getattr(inside, "__dataclass_fields__", ())
    for one in inside if isinstance(inside, tuple) else [getattr(inside, name) for name in names]:
        yield from holes_in(one, bare=bare)


def compiled(part: Any) -> Fill:
    """What makes a part with its holes filled."""
    if isinstance(part, FlowSyntax):
        return _like(part)
    if isinstance(part, str):
        return _text(part)
    if not has_holes(part):
        return lambda _: part
    if isinstance(part, Element):
        return _element_of(part)
    if isinstance(part, tuple):
        fill = _row(part)
        return lambda pieces: tuple(fill(pieces))
    kind, fill = type(part), _row([getattr(part, name) for name in part.__dataclass_fields__])
    return lambda pieces: kind(*fill(pieces))


def _element_of(part: Element) -> Fill:
    fill = _row(part)
    made = partial(tuple.__new__, Element)
    return lambda pieces: made(fill(pieces))


def _row(parts: Sequence[Any]) -> Callable[[Pieces], Sequence[Any]]:
    """What fills those of a row that vary."""
    varying = [(n, compiled(part)) for n, part in enumerate(parts) if has_holes(part)]
    if len(varying) == 1:
        ((place, only),) = varying
        before, behind = tuple(parts[:place]), tuple(parts[place + 1 :])
        return lambda pieces: (*before, only(pieces), *behind)

    def fill(pieces: Pieces) -> list[Any]:
        filled = list(parts)
        for n, one in varying:
            filled[n] = one(pieces)
        return filled

    return fill


def _like(flow: FlowSyntax) -> Fill:
    names = [name for name, _ in flow.items]
    values = [compiled(value) for _, value in flow.items]
    actions = compiled(flow.actions)
    return lambda pieces: flow.like_this(
        tuple(zip(names, [value(pieces) for value in values], strict=True)), actions, pieces
    )


def _text(text: str) -> Fill:
    found = _HOLES.findall(text)
    if not found:
        return lambda _: text
    first = ord(found[0]) - _FIRST
    if len(text) == 1:
        return lambda pieces: pieces[first]
    parts = _HOLES.split(text)
    places = [ord(c) - _FIRST for c in found]
    return lambda pieces: parts[0] + "".join(pieces[n] + rest for n, rest in zip(places, parts[1:], strict=True))


# Trees


def _flow(tree: Tree[Any]) -> FlowSyntax:
    *items, actions = tree.children
    pairs = tuple((str(i.children[0]), None if i.children[1] is None else str(i.children[1])) for i in items)
    return FlowSyntax(pairs, _elements(actions))


def _group(tree: Tree[Any]) -> GroupSyntax:
    return GroupSyntax(tuple(_entry(e) for e in tree.children))


def _entry(tree: Tree[Any]) -> Entry:
    bucket, actions, element = tree.children
    return Entry(bucket is not None, actions is not None, None if element is None else _element(element))


def _elements(tree: Tree[Any]) -> Elements:
    found = tuple(None if e is None else _element(e) for e in tree.children)
    return () if found == (None,) else found


def _element(tree: Tree[Any]) -> Element:
    word, *rest = tree.children
    match tree.data.rpartition("__")[2]:
        case "colon":
            return Element(str(word), ":", str(rest[0] or ""))
        case "equals":
            return Element(str(word), "=", str(rest[0] or ""))
        case "call":
            return Element(str(word), "(", "", _elements(rest[0]), str(rest[1] or ""))
    return Element(str(word))


def flow_parser() -> Parser[FlowSyntax]:
    """Reads lines of dump-flows."""
    return Parser("ovs_flows", "flow", _flow)


def group_parser() -> Parser[GroupSyntax]:
    """Reads lines of dump-groups."""
    return Parser("ovs_groups", "group", _group)


def words(elements: Elements) -> Iterator[Element]:
    """Those of a row that are not left out."""
    return (e for e in elements if e is not None)
