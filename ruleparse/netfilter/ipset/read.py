"""Reads what `ipset save` and `ipset list` print, without looking into the members."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from ruleparse.grammars import terminal
from ruleparse.netfilter.ipset.model import IpSet, entry_option
from ruleparse.netfilter.ipset.types import dimensions
from ruleparse.text import Diagnostic, Source, Span

_SAVE, _LIST = "ipset_save", "ipset_list"
_LIST_LINES = ("NAME_LINE", "TYPE_LINE", "HEADER_LINE", "FACT_LINE", "MEMBERS_LINE")


@dataclass(slots=True)
class Sets:
    """All sets that some texts hold, by name."""

    sets: dict[str, IpSet] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)


@cache
def _members() -> re.Pattern[str]:
    """Lines that add members to one set, as many as follow each other."""
    add, name, element = (terminal(_SAVE, t) for t in ("ADD", "NAME", "ELEMENT"))
    rest = rf"[ \t]++{element}(?>(?:[ \t]++{entry_option()})*)[ \t\r]*+(?=\n|\Z)"
    return re.compile(rf"[ \t]*+{add}[ \t]++({name}){rest}(?>(?:\n[ \t]*+{add}[ \t]++\1(?=[ \t]){rest})*)")


@cache
def _other() -> re.Pattern[str]:
    create, name, type_ = (terminal(_SAVE, t) for t in ("CREATE", "NAME", "TYPE"))
    created = rf"[ \t]*+{create}[ \t]++(?P<name>{name})[ \t]++(?P<type>{type_})(?P<options>[^\n]*)"
    kinds = [f"(?P<{k}>{terminal(_LIST, k)})" for k in _LIST_LINES]
    kinds += [f"(?P<{k}>{terminal(_SAVE, k)})" for k in ("COMMENT_LINE", "COMMAND_LINE")]
    return re.compile(rf"(?P<CREATE_LINE>{created})|" + "|".join(kinds) + r"|(?P<OTHER_LINE>[^\n]+)")


@cache
def _listed() -> re.Pattern[str]:
    """Lines of members below `Members:`, up to the next set."""
    element = terminal(_SAVE, "ELEMENT")
    member = rf"[ \t]*+(?!Name:[ \t]){element}(?>(?:[ \t]++{entry_option()})*)[ \t\r]*+(?=\n|\Z)"
    return re.compile(rf"{member}(?>(?:\n{member})*)")


@cache
def _options() -> re.Pattern[str]:
    flag, name, value = (terminal(_SAVE, t) for t in ("FLAG", "OPTION", "VALUE"))
    return re.compile(rf"[ \t]++(?:({flag})|({name})[ \t]++({value}))")


def read(sources: Iterable[Source]) -> Sets:
    """Every set of these texts. Never raises: what is wrong is a diagnostic."""
    result = Sets()
    for source in sources:
        _Reader(source, result).read()
    return result


class _Reader:
    def __init__(self, source: Source, result: Sets) -> None:
        self.source = source
        self.result = result
        self.listed: IpSet | None = None
        self.in_members = False
        self.here: set[str] = set()
        """names of the sets that this text describes"""

    def read(self) -> None:
        text, position = self.source.text, 0
        members, other, listed = _members(), _other(), _listed()
        while position < len(text):
            if text[position] == "\n":
                position += 1
                continue
            if found := members.match(text, position):
                self.add(found[1], self.span(found))
            elif self.in_members and (found := listed.match(text, position)):
                assert self.listed is not None
                self.listed.stretches.append(self.span(found))
            else:
                found = other.match(text, position)
                assert found is not None
                self.line(found)
            position = max(found.end(), position + 1)

    def span(self, found: re.Match[str]) -> Span:
        return Span(self.source, found.start(), found.end())

    def problem(self, name: str, message: str, span: Span, severity: Literal["error", "warning"] = "error") -> None:
        self.result.diagnostics.append(Diagnostic(name, severity, message, span))

    def line(self, found: re.Match[str]) -> None:
        span, text = self.span(found), found[0].strip()
        if found["CREATE_LINE"] is not None:
            self.create(found["name"], found["type"], found["options"], span)
            return
        match _kind(found):
            case "NAME_LINE":
                self.in_members = False
                self.listed = IpSet(text.partition(":")[2].strip(), "", {}, span, saved=False)
            case "TYPE_LINE" if self.listed is not None:
                self.listed.type = text.partition(":")[2].strip()
                self.declare(self.listed)
            case "HEADER_LINE" if self.listed is not None:
                self.listed.options = self.options(" " + text.partition(":")[2], span)
            case "MEMBERS_LINE" if self.listed is not None:
                self.listed.saved = self.in_members = True
            case "COMMAND_LINE":
                message = f"{text.split()[0]} changes sets that this text need not hold; it is not followed"
                self.problem("unsupported-command", message, span, "warning")
            case "OTHER_LINE" if text:
                self.problem("syntax", "this line is not one of `ipset save` or `ipset list`", span)

    def create(self, name: str, type_: str, options: str, span: Span) -> None:
        self.listed, self.in_members = None, False
        self.declare(IpSet(name, type_, self.options(options, span), span))

    def options(self, text: str, span: Span) -> Mapping[str, str]:
        values, at = {}, 0
        while found := _options().match(text, at):
            values[found[1] or found[2]] = found[3] or ""
            at = found.end()
        if text[at:].strip():
            self.problem("syntax", f"{text[at:].strip()!r} is not an option of a set", span)
        return values

    def declare(self, new: IpSet) -> None:
        """A set listed twice keeps the description that has its members."""
        try:
            dimensions(new.type)
        except ValueError as error:
            assert new.span is not None
            self.problem("unknown-type", f"set {new.name}: {error}", new.span)
            return
        known = self.result.sets.get(new.name)
        if known is not None and known.saved and new.name in self.here:
            assert new.span is not None
            self.problem("set-created-twice", f"set {new.name} is created twice; the first holds", new.span, "warning")
            return
        self.here.add(new.name)
        if known is None or not known.saved:
            self.result.sets[new.name] = new

    def add(self, name: str, span: Span) -> None:
        known = self.result.sets.get(name)
        if known is None:
            self.problem("unknown-set", f"set {name} has members, but nothing says of which type it is", span)
        elif name in self.here and known.span is not None and known.span.source is self.source:
            known.stretches.append(span)


def _kind(found: re.Match[str]) -> str:
    return next(k for k in (*_LIST_LINES, "COMMENT_LINE", "COMMAND_LINE", "OTHER_LINE") if found[k] is not None)
