"""Reads the groups of a bridge, in one pass; a group is parsed when somebody asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ruleparse.openflow.groups import Group, read_group
from ruleparse.openflow.lines import HEADER, line_at
from ruleparse.openflow.syntax import GroupSyntax, Parser, SyntaxProblem, group_parser
from ruleparse.text import Diagnostic, Source, Span

_PLAIN = re.compile(r"[ \t]*group_id=([0-9]{1,10}),")
"""A line whose group's number is known without a look at the rest."""


@dataclass(slots=True)
class GroupDump:
    """The groups of one text by number; of those that say the same number the last counts."""

    source: Source
    headers: list[str] = field(default_factory=list)
    lines: dict[int, Span] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    _read: dict[int, Group | None] = field(default_factory=dict)
    _parser: Parser[GroupSyntax] = field(default_factory=group_parser)

    def group(self, number: int) -> Group | None:
        """None where there is none, or none that can be read, which is diagnosed."""
        if number not in self._read and number in self.lines:
            self._read[number] = self.parse(self.lines[number])
        return self._read.get(number)

    def parse(self, span: Span) -> Group | None:
        try:
            return read_group(self._parser.parse(span), span)
        except SyntaxProblem as problem:
            self.diagnostics.append(problem.diagnostic)
        except ValueError as error:
            self.diagnostics.append(Diagnostic("syntax", "error", str(error), span))
        return None

    @property
    def groups(self) -> Iterator[Group]:
        """Every group that can be read, in the order of the text."""
        return (group for number in self.lines if (group := self.group(number)) is not None)


class Groups(Mapping[int, Group]):
    """The groups of some dumps."""

    def __init__(self, dumps: Sequence[GroupDump] = ()) -> None:
        self._dumps = dumps

    def __getitem__(self, number: int) -> Group:
        for dump in reversed(self._dumps):
            if (group := dump.group(number)) is not None:
                return group
        raise KeyError(number)

    def __iter__(self) -> Iterator[int]:
        return iter({number: None for dump in self._dumps for number in dump.lines})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def read_groups(source: Source) -> GroupDump:
    """The groups that a text holds. Never raises."""
    dump = GroupDump(source)
    at = 0
    while at < len(source.text):
        start = at
        end, at = line_at(source.text, start)
        span = Span(source, start, end)
        line = span.text
        if (found := _PLAIN.match(line)) is not None:
            dump.lines.pop(int(found[1]), None)
            dump.lines[int(found[1])] = span
        elif "group_id=" in line:
            if (group := dump.parse(span)) is not None:
                dump.lines[group.id] = span
        elif HEADER.match(line):
            dump.headers.append(line.rstrip())
        elif line.strip() and not line.lstrip().startswith("#"):
            dump.diagnostics.append(Diagnostic("syntax", "error", "this line is no group", span))
    return dump
