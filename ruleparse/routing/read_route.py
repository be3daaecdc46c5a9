"""Reads what `ip route` and `route -n` print."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ruleparse.codec import Prefix, address, integer, interface, prefix
from ruleparse.routing.model import Hop, Lines, Route, Routes, table_name, tos
from ruleparse.routing.shapes import BadLine, LineParser, Word, line_kinds, lines
from ruleparse.text import Source, Span

V = TypeVar("V")

_KINDS = ("COMMENT_LINE", "ERROR_LINE", "TITLE_LINE", "CLASSIC_ENTRY", "ENTRY")
_VALUES = frozenset({"DESTINATION", "ADDRESS", "VALUE", "ENCAP"})
_COLUMNS = frozenset({"DESTINATION", "GATEWAY", "GENMASK", "FLAGS", "METRIC", "COUNT", "NAME"})
_FLAGS_OF_HOPS = frozenset({"onlink", "dead", "linkdown", "pervasive", "unresolved"})


def read(source: Source, *, family_hint: int | None = None) -> Routes:
    """Everything an `ip route` text holds, of both families. Never raises: what is wrong is a diagnostic."""
    result = Routes()
    about = Lines(source, result.diagnostics)
    drafts = list(_drafts(about))
    _settle_families(drafts, family_hint)
    _settle_tables(drafts, source.name)
    result.routes = list(_routes(drafts, about))
    result.complete = frozenset(d.family for d in drafts if d.table_printed and d.family)
    result.tables = frozenset((r.family, r.table) for r in result.routes)
    return result


@dataclass(slots=True)
class _Draft:
    """A route whose family and table may still be open."""

    span: Span
    type: str = "unicast"
    destination: str = ""
    family: int | None = None
    table: str | None = None
    table_printed: bool = False
    hops: list[Hop] = field(default_factory=lambda: [Hop()])
    values: dict[str, str] = field(default_factory=dict)

    def taken(self, name: str, parse: Callable[[str], V]) -> V | None:
        """The value of an attribute, which is then no longer among the others."""
        return parse(self.values.pop(name)) if name in self.values else None


def _drafts(about: Lines) -> Iterator[_Draft]:
    routes, rows = LineParser("ip_route", "route", _VALUES), LineParser("ip_route", "classic", _COLUMNS)
    for found in lines(about.source.text, line_kinds(("ip_route", _KINDS))):
        match found.lastgroup:
            case "ENTRY":
                yield from _entry(found, routes, _draft, about)
            case "CLASSIC_ENTRY":
                yield from _entry(found, rows, _classic_draft, about)
            case "ERROR_LINE":
                about.incomplete("routes are missing: the command that printed them failed", *found.span())
            case "BAD_LINE" if found[0].strip():
                about.error("this line is not one of `ip route`", *found.span())


def _entry(
    found: re.Match[str], parser: LineParser, make: Callable[[list[Word], Span], _Draft], about: Lines
) -> Iterator[_Draft]:
    text, at = found[0], found.start()
    try:
        yield make(parser.parse(text), about.span(at, at + len(text.rstrip())))
    except BadLine as bad:
        about.error("this is not how a route goes on", at + bad.start, at + bad.end)
    except ValueError as error:
        about.error(str(error), *found.span())


def _draft(words: list[Word], span: Span) -> _Draft:
    draft, hop, hops = _Draft(span), Hop(), []
    stream = iter(words)
    for kind, text, _ in stream:
        match kind:
            case "TYPE":
                draft.type = text
            case "DESTINATION":
                draft.destination = text
            case "NEXTHOP":
                hops.append(hop)
                hop = Hop()
            case "VIA":
                hop = _via(hop, next(stream), stream, draft)
            case "ATTRIBUTE" | "LOCKABLE":
                hop = _attribute(hop, text, next(w for w in stream if w.kind != "LOCK").text, draft)
            case "FLAG" if text in _FLAGS_OF_HOPS:
                hop = replace(hop, flags=hop.flags | {text})
            case _:
                draft.values[text] = ""
    draft.hops = [*hops[1:], hop]
    draft.family = _family(draft)
    return draft


def _via(hop: Hop, word: Word, stream: Iterator[Word], draft: _Draft) -> Hop:
    if word.kind != "FAMILY":
        return replace(hop, gateway=address(word.text), gateway_family=6 if ":" in word.text else 4)
    family = 6 if word.text == "inet6" else 4
    draft.family = 10 - family  # only said where it is not the route's own
    return replace(hop, gateway=address(next(stream).text), gateway_family=family)


def _attribute(hop: Hop, name: str, value: str, draft: _Draft) -> Hop:
    match name:
        case "dev":
            interface(value)  # refuses one that is too long
            return replace(hop, out=value)
        case "weight":
            return replace(hop, weight=integer(value))
        case "table":
            draft.table, draft.table_printed = table_name(value), True
        case _:
            draft.values.setdefault(name, value)
    return hop


def _classic_draft(words: list[Word], span: Span) -> _Draft:
    destination, gateway, mask, flags, metric, *_, out = (w.text for w in words)
    interface(out)  # refuses one that is too long
    via, kind = "G" in flags, "unreachable" if "!" in flags else "unicast"
    hop = Hop(out, address(gateway) if via else None, 4 if via else None)
    return _Draft(span, kind, f"{destination}/{mask}", 4, hops=[hop], values={"metric": metric})


# Families and tables that the lines alone do not tell

_REFUSALS = frozenset({"unreachable", "blackhole", "prohibit", "throw"})
"""types of routes that name an interface in IPv6 only"""


def _family(draft: _Draft) -> int | None:
    """The family of a route, if its own line says so. IPv6 routes are always printed with their metric."""
    if not draft.destination.startswith("default"):
        return 6 if ":" in draft.destination else 4
    if draft.family or draft.hops[0].gateway_family:
        return draft.family or draft.hops[0].gateway_family
    if "src" in draft.values:
        return 6 if ":" in draft.values["src"] else 4
    if "pref" in draft.values or (draft.type in _REFUSALS and draft.hops[0].out):
        return 6
    return 4 if "metric" not in draft.values or "scope" in draft.values else None


def _settle_families(drafts: list[_Draft], hint: int | None) -> None:
    """A route that could be of either family is of its neighbours': tables are printed one family after the other."""
    for order in (drafts, drafts[::-1]):
        previous: _Draft | None = None
        for draft in order:
            if draft.family is None and previous is not None and previous.table == draft.table:
                draft.family = previous.family
            previous = draft
    for draft in drafts:
        draft.family = draft.family or hint or 4


def _settle_tables(drafts: list[_Draft], name: str) -> None:
    for family in (4, 6):
        own = [d for d in drafts if d.family == family]
        table = "main" if any(d.table_printed for d in own) else _only_table(own, name)
        for draft in own:
            draft.table = draft.table or table


_TABLE_IN_NAME = re.compile(r"table[-_ ]*([^\W_]+)")


def _only_table(drafts: list[_Draft], name: str) -> str:
    """The table of a text that names none: `ip route show table local` has its routes, others may be in its name."""
    types = {d.type for d in drafts if d.values.get("proto") == "kernel"}
    if types & {"local", "broadcast", "anycast"}:
        return "local"
    found = _TABLE_IN_NAME.search(name.rsplit("/", 1)[-1])
    return table_name(found[1]) if found and found[1] != "all" else "main"


# Routes


def _routes(drafts: list[_Draft], about: Lines) -> Iterator[Route]:
    for draft in drafts:
        try:
            yield _route(draft)
        except ValueError as error:
            about.error(str(error), draft.span.start, draft.span.end)


def _route(draft: _Draft) -> Route:
    family = draft.family or 4
    return Route(
        family,
        draft.type,
        _prefix(draft.destination, family),
        draft.table or "main",
        tuple(draft.hops),
        (draft.taken("metric", _metric) or 0),
        draft.span,
        draft.taken("src", address),
        draft.taken("from", lambda text: _prefix(text, family)),
        draft.taken("tos", tos) or 0,
        draft.taken("realm", _realm) or draft.taken("realms", _realm) or 0,
        draft.taken("scope", str),
        draft.taken("proto", str),
        draft.taken("pref", str) or "medium",
        draft.values,
    )


def _metric(text: str) -> int:
    """Old tools print it signed."""
    if not text.removeprefix("-").isdecimal():
        raise ValueError(f"{text!r} is not a metric")
    return int(text) & 0xFFFFFFFF


def _realm(text: str) -> int:
    """`TO` or `FROM/TO`; the numbers of names of /etc/iproute2/rt_realms are not known."""
    source, _, destination = text.rpartition("/")
    return integer(source or "0") << 16 | integer(destination) if destination.isdecimal() else 0


def _prefix(text: str, family: int) -> Prefix:
    """A destination, which may be `default`."""
    base, slash, length = text.partition("/")
    if base == "default":
        base, slash, length = ("0.0.0.0" if family == 4 else "::"), "/", length or "0"
    return prefix(base + slash + length)
