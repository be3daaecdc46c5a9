"""Reads a YAML file of expectations; what is wrong with it has a line and a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ruleparse.check.model import Expectation, Expectations
from ruleparse.text import Diagnostic, Source, Span

Path = tuple[str | int, ...]


class BadExpectations(Exception):
    """A file that does not say what is expected; `diagnostics` say where and why."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__(diagnostics[0].message)
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True)
class Placed:
    """An expectation, and where it stands."""

    expectation: Expectation
    span: Span
    places: Mapping[str, Span]
    """of what it says: `packet`, `from`, `to`, `expect`"""

    def place(self, key: str) -> Span:
        return self.places.get(key, self.span)


def read(source: Source) -> list[Placed]:
    """Raises BadExpectations."""
    reader = _Reader(source)
    plain = reader.plain(reader.document(), ())
    try:
        found = Expectations.model_validate(plain).expectations
    except ValidationError as error:
        raise BadExpectations([reader.problem(e["msg"], e["loc"]) for e in error.errors()]) from None
    return [Placed(one, *reader.around(n)) for n, one in enumerate(found)]


class _NoAliases(yaml.SafeLoader):
    """A short file with aliases can stand for one that fits in no memory."""

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.events.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not followed", problem_mark=event.start_mark)
        return super().compose_node(parent, index)


class _Reader:
    """Texts stay texts, whatever YAML would make of them: 10:30 is no number here, and `no` no Boolean."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.places: dict[Path, Span] = {}

    def document(self) -> Node:
        try:
            found = yaml.compose(self.source.text, Loader=_NoAliases)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            at = mark.index if mark else 0
            raise self.bad(error.problem or "not YAML", Span(self.source, at, at + 1)) from None
        except yaml.YAMLError as error:
            at = getattr(error, "position", 0)
            raise self.bad("a character that YAML does not allow", Span(self.source, at, at + 1)) from None
        except RecursionError:
            raise self.bad("this nests too deeply", Span(self.source, 0, 1)) from None
        if found is None:
            raise self.bad("nothing is expected here", Span(self.source, 0, 1))
        return found

    def plain(self, node: Node, path: Path) -> Any:
        self.places[path] = Span(self.source, node.start_mark.index, node.end_mark.index)
        if isinstance(node, ScalarNode):
            return str(node.value)
        if isinstance(node, SequenceNode):
            return [self.plain(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, MappingNode)
        return dict(self.pairs(node, path))

    def pairs(self, node: MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key, value in node.value:
            span = Span(self.source, key.start_mark.index, key.end_mark.index)
            if not isinstance(key, ScalarNode):
                raise self.bad("a key is a text", span)
            if key.value in seen:
                raise self.bad(f"{key.value} is said twice", span)
            seen.add(key.value)
            yield str(key.value), self.plain(value, (*path, key.value))

    def around(self, number: int) -> tuple[Span, dict[str, Span]]:
        """Where an expectation stands, and what it says."""
        start: Path = ("expectations", number)
        inner = {str(path[2]): span for path, span in self.places.items() if len(path) == 3 and path[:2] == start}
        return self.places[start], inner

    def bad(self, message: str, span: Span) -> BadExpectations:
        return BadExpectations([Diagnostic("expectations", "error", message, span)])

    def problem(self, message: str, place: Path) -> Diagnostic:
        """At the innermost place that there is."""
        known = next(place[:n] for n in range(len(place), -1, -1) if place[:n] in self.places)
        missing = f"{place[-1]}: " if len(known) < len(place) and isinstance(place[-1], str) else ""
        return Diagnostic("expectations", "error", f"{missing}{_said(message)}", self.places[known])


def _said(message: str) -> str:
    return _WORDS.get(message, message.removeprefix("Value error, "))


_WORDS: Mapping[str, str] = {
    "Field required": "is missing",
    "Extra inputs are not permitted": "is not known here",
}
