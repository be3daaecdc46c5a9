"""A set as saved. Its members stay text until somebody asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

from ruleparse.grammars import terminal
from ruleparse.netfilter.ipset.types import FAMILIES, NO_FAMILY, Dimension, dimensions
from ruleparse.text import Diagnostic, Span

if TYPE_CHECKING:
    from ruleparse.netfilter.ipset.index import Index


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its dimensions as text, and what the set keeps beside it (`timeout`, `packets`, `nomatch` …)."""

    text: str
    options: Mapping[str, str]
    span: Span


@dataclass(eq=False)
class IpSet:
    """A set. `saved` is whether its members were; `stretches` are whole lines, each one or more members."""

    name: str
    type: str
    options: Mapping[str, str]
    span: Span | None = None
    saved: bool = True
    stretches: list[Span] = field(default_factory=list)

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        return dimensions(self.type)

    @property
    def keeps_nomatch(self) -> bool:
        """Whether members of this type may be marked nomatch: IPSET_TYPE_NOMATCH, linux/netfilter/ipset/ip_set.h."""
        return "net" in self.type

    @cached_property
    def family(self) -> int | None:
        """4 or 6, None for a set that packets of either family can be in."""
        if self.type in NO_FAMILY:
            return None
        return FAMILIES.get(self.options.get("family", "inet"), 4)

    def elements(self) -> Iterator[tuple[str, str, int]]:
        """The members: text, options as written, and where they stand."""
        pattern = member_line()
        for stretch in self.stretches:
            text = stretch.source.text
            for found in pattern.finditer(text, stretch.start, stretch.end):
                yield found[1], found[2], found.start(1)

    def members(self) -> Iterator[Member]:
        for stretch in self.stretches:
            for found in member_line().finditer(stretch.source.text, stretch.start, stretch.end):
                yield Member(found[1], entry_options(found[2]), Span(stretch.source, found.start(1), found.end()))

    @cached_property
    def index(self) -> Index:
        """Its members, ready to be looked up."""
        from ruleparse.netfilter.ipset.index import Index

        return Index(self)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Members that cannot be understood; asking reads them all."""
        return self.index.diagnostics


_GRAMMAR = "ipset_save"


def _parts_of_options() -> Iterator[str]:
    return (terminal(_GRAMMAR, t) for t in ("ENTRY_FLAG", "ENTRY_OPTION", "VALUE", "COMMENT", "QUOTED"))


def entry_option() -> str:
    """The expression of one option of a member."""
    flag, name, value, comment, quoted = _parts_of_options()
    return rf"(?:{flag}|{comment}[ \t]++(?:{quoted})|{name}[ \t]++{value})"


@cache
def member_line() -> re.Pattern[str]:
    """A member on a line of its own, of `ipset save` or of `ipset list`."""
    add, name, element = (terminal(_GRAMMAR, t) for t in ("ADD", "NAME", "ELEMENT"))
    options = rf"(?>(?:[ \t]++{entry_option()})*)"
    return re.compile(rf"(?m)^[ \t]*+(?:{add}[ \t]++{name}[ \t]++)?({element})({options})[ \t\r]*+$")


@cache
def _entry_options() -> re.Pattern[str]:
    flag, name, value, comment, quoted = _parts_of_options()
    return re.compile(rf"({flag})|({comment}|{name})[ \t]++({quoted}|{value})")


def entry_options(text: str) -> dict[str, str]:
    """Options of a member by name; flags have no value."""
    return {flag or name: value.strip('"') for flag, name, value in _entry_options().findall(text)} if text else {}
