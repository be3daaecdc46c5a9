"""Reads the flows of a bridge, in one pass; a flow is parsed when somebody asks for its table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ruleparse.openflow.flow_index import plain, same_table
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.lines import HEADER, TABLE, line_at
from ruleparse.openflow.runs import Run, RunReader
from ruleparse.openflow.syntax import SyntaxProblem, flow_parser
from ruleparse.text import Diagnostic, Source, Span

_BROKEN = re.compile(r"decode error|^ovs-ofctl: |\|(?:WARN|ERR)\||^[0-9a-f]{8}  ([0-9a-f]{2}[ -])+|\(Protocol error\)")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Flows of one table in a row: whole lines, or `one` flow that may be folded."""

    span: Span
    one: bool

    @property
    def count(self) -> int:
        """How many flows these are."""
        return 1 if self.one else self.span.text.count("\n") + 1

    def lines(self) -> Iterator[Span]:
        """The stretch of text of each flow."""
        if self.one:
            yield self.span
            return
        at = self.span.start
        while at <= self.span.end:
            yield self._line_around(at)
            at = self._end(at) + 1

    def containing(self, text: str) -> Iterator[Span]:
        """Those in which some text stands."""
        at = self.span.start
        while (at := self.span.source.text.find(text, at, self.span.end)) >= 0:
            yield self.span if self.one else self._line_around(at)
            at = self.span.end if self.one else self._end(at) + 1

    def _line_around(self, at: int) -> Span:
        start = self.span.source.text.rfind("\n", self.span.start, at) + 1
        return Span(self.span.source, start or self.span.start, self._end(at))

    def _end(self, at: int) -> int:
        end = self.span.source.text.find("\n", at, self.span.end)
        return self.span.end if end < 0 else end


@dataclass(slots=True)
class FlowDump:
    """The flows of one text by the table that they stand in, each somewhere in a stretch of text."""

    source: Source
    tables: dict[str, list[Stretch]] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    version: str | None = None
    """of OpenFlow, as the header says: `1.0`, `1.3` …"""
    headers: list[str] = field(default_factory=list)
    """the lines that say which reply of OpenFlow this is; a long reply has several, of which one is kept"""
    reader: RunReader = field(default_factory=lambda: RunReader(flow_parser()))

    cut: Span | None = None
    """where ovs-ofctl failed, so that flows are missing"""

    def add(self, table: str, stretch: Stretch) -> None:
        self.tables.setdefault(table, []).append(stretch)

    def lines(self, table: str) -> list[Span]:
        """The stretch of text of each flow of a table."""
        return [line for stretch in self.tables.get(table, ()) for line in stretch.lines()]

    def count(self, table: str) -> int:
        """How many flows a table has."""
        return sum(stretch.count for stretch in self.tables.get(table, ()))

    def runs(self, table: str) -> Iterator[Run | Flow | Diagnostic]:
        """The flows of a table, many at once where they are alike; what is wrong with those that cannot be read."""
        return self._read(self.tables.get(table, ()))

    def flow(self, span: Span) -> Flow | Diagnostic:
        try:
            return Flow(self.reader.parser.parse(span), span)
        except SyntaxProblem as problem:
            return problem.diagnostic

    def all_flows(self) -> Iterator[Flow | Diagnostic]:
        """Every flow in the order of the text."""
        stretches = (stretch for found in self.tables.values() for stretch in found)
        for found in self._read(sorted(stretches, key=lambda s: s.span.start)):
            yield from found if isinstance(found, Run) else (found,)

    def _read(self, stretches: Iterable[Stretch]) -> Iterator[Run | Flow | Diagnostic]:
        for stretch in stretches:
            if stretch.one:
                yield self.flow(stretch.span)
            else:
                yield from self.reader.read(stretch.span)


def read_flows(source: Source) -> FlowDump:
    """The flows that a text holds. Never raises: what is wrong is a diagnostic."""
    source = _plain(source)
    dump = _Reader(FlowDump(source))
    at = 0
    while at < len(source.text):
        found = same_table(source.text, at)
        if found is None:
            at = dump.careful(at)
            continue
        table, end = found
        if plain(source.text[at:end]):
            dump.dump.add(table, Stretch(Span(source, at, end), one=False))
            at = end + 1
        while at <= end:
            at = dump.careful(at)
    return dump.dump


class _Reader:
    """Takes lines one by one, by whatever they are."""

    def __init__(self, dump: FlowDump) -> None:
        self.dump = dump

    def careful(self, at: int) -> int:
        """Read the line at an offset; where the next begins."""
        end, following = line_at(self.dump.source.text, at)
        self.line(Span(self.dump.source, at, end))
        return following

    def line(self, span: Span) -> None:
        line = span.text
        if "actions=" in line:
            found = TABLE(line, 0, line.index("actions="))
            self.dump.add(found[1].strip('"') if found else "0", Stretch(span, one=True))
        elif (header := HEADER.match(line)) is not None:
            self.dump.headers = self.dump.headers or [line.rstrip()]
            self.dump.version = "1.0" if line.lstrip().startswith("NX") else (header["version"] or "")[2:] or None
            if "decode error" in line:
                self.cut(span)
        elif _BROKEN.search(line):
            self.cut(span)
        elif line.strip() and not line.lstrip().startswith("#"):
            breaks = "this flow breaks off: what it does is missing" if TABLE(line) else "this line is no flow"
            self.complain("syntax", breaks, span)

    def cut(self, span: Span) -> None:
        """ovs-ofctl failed: once it does it goes on about it."""
        if self.dump.cut is None:
            self.dump.cut = span
            self.complain("truncated", _why_cut(span.text), span)

    def complain(self, name: str, message: str, span: Span) -> None:
        self.dump.diagnostics.append(Diagnostic(name, "error", message, span))


def _why_cut(line: str) -> str:
    if "version negotiation failed" in line:
        return "the bridge does not speak this version of OpenFlow: save ovs-ofctl -O OpenFlow15 dump-flows, or 13"
    return "ovs-ofctl failed here: flows behind this are missing"


def _plain(source: Source) -> Source:
    """The text without what colours it on a terminal."""
    return Source(source.name, _ESCAPES.sub("", source.text)) if "\x1b" in source.text else source
