"""Reads what ovs-ofctl says about a bridge, in one pass; a flow is parsed when somebody asks for its table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruleparse.openflow.flows import Flow
from ruleparse.openflow.groups import Group, read_group
from ruleparse.openflow.syntax import FlowSyntax, Parser, SyntaxProblem, flow_parser, group_parser
from ruleparse.text import Diagnostic, Source, Span

_TABLE = re.compile(r'(?:\A|[\s,])table(?:_id)?=("[^"\n]*"|[^,\s]+)').search
_HEADER = re.compile(r"\s*(?:NXST|OFPST|NXT|OFPT)_\w+ reply(?: \((?P<version>OF[\d.]+)\))?")
_BROKEN = re.compile(r"decode error|^ovs-ofctl: |\|(?:WARN|ERR)\||^[0-9a-f]{8}  ([0-9a-f]{2}[ -])+|\(Protocol error\)")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(slots=True)
class FlowDump:
    """The flows of one text by the table that they stand in, each a stretch of text."""

    source: Source
    tables: dict[str, list[Span]] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    version: str | None = None
    """of OpenFlow, as the header says: `1.0`, `1.3` …"""
    headers: list[str] = field(default_factory=list)
    """the lines that say which reply of OpenFlow this is; a long reply has several, of which one is kept"""
    parser: Parser[FlowSyntax] = field(default_factory=flow_parser)

    def flows(self, table: str) -> Iterator[Flow | Diagnostic]:
        """The flows of a table; what is wrong with those that cannot be read."""
        for span in self.tables.get(table, ()):
            yield self.flow(span)

    def flow(self, span: Span) -> Flow | Diagnostic:
        try:
            return Flow(self.parser.parse(span), span)
        except SyntaxProblem as problem:
            return problem.diagnostic

    def all_flows(self) -> Iterator[Flow | Diagnostic]:
        """Every flow in the order of the text."""
        spans = sorted((span for spans in self.tables.values() for span in spans), key=lambda s: s.start)
        return map(self.flow, spans)


def read_flows(source: Source) -> FlowDump:
    """The flows that a text holds. Never raises: what is wrong is a diagnostic."""
    source = _plain(source)
    dump = FlowDump(source)
    broken = False
    for start, end in _lines(source.text):
        line = source.text[start:end]
        span = Span(source, start, end)
        if "actions=" in line:
            found = _TABLE(line, 0, line.index("actions="))
            dump.tables.setdefault(found[1].strip('"') if found else "0", []).append(span)
        elif (header := _HEADER.match(line)) is not None:
            dump.headers = dump.headers or [line.rstrip()]
            dump.version = "1.0" if line.lstrip().startswith("NX") else (header["version"] or "")[2:] or None
            broken |= "decode error" in line
        elif _BROKEN.search(line):
            if not broken:
                message = "ovs-ofctl failed here: flows behind this are missing"
                dump.diagnostics.append(Diagnostic("truncated", "error", message, span))
            broken = True
        elif line.strip() and not line.lstrip().startswith("#"):
            dump.diagnostics.append(Diagnostic("syntax", "error", "this line is no flow", span))
    return dump


def _plain(source: Source) -> Source:
    """The text without what colours it on a terminal."""
    return Source(source.name, _ESCAPES.sub("", source.text)) if "\x1b" in source.text else source


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Where each line is; one that people folded, with a backslash or inside a flow, goes on."""
    at, start = 0, None
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        begin = at if start is None else start
        line = text[begin:end]
        at = end + 1
        if (line[-1:] in "\\ " or _unfinished(line)) and text[at : at + 1].isspace() and _goes_on(line):
            start = begin
            continue
        start = None
        yield begin, end - (end > begin and text[end - 1] == "\r")
    if start is not None:
        yield start, len(text)


def _goes_on(line: str) -> bool:
    return line.rstrip().endswith("\\") or _unfinished(line)


def _unfinished(line: str) -> bool:
    if "actions=" in line:
        return line.count("(") > line.count(")")
    return _TABLE(line) is not None and "\n" not in line[-1:] and line.count("\n") < 8


@dataclass(slots=True)
class GroupDump:
    """The groups of one text."""

    source: Source
    headers: list[str] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def read_groups(source: Source) -> GroupDump:
    """The groups that a text holds. Never raises."""
    dump = GroupDump(source)
    parser = group_parser()
    for start, end in _lines(source.text):
        line = source.text[start:end]
        span = Span(source, start, end)
        if "group_id=" not in line:
            if _HEADER.match(line):
                dump.headers.append(line.rstrip())
            elif line.strip() and not line.lstrip().startswith("#"):
                dump.diagnostics.append(Diagnostic("syntax", "error", "this line is no group", span))
            continue
        try:
            dump.groups.append(read_group(parser.parse(span), span))
        except SyntaxProblem as problem:
            dump.diagnostics.append(problem.diagnostic)
        except ValueError as error:
            dump.diagnostics.append(Diagnostic("syntax", "error", str(error), span))
    return dump
