"""A routing table as tables of rules: the longest prefix first, among equals the smallest metric.

The rules end with Stop("found") or, where the lookup goes on in another table, Stop("not found"). Where there are many
routes, those whose addresses begin alike have a table of their own, so that no lookup tries them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from ruleparse.codec import ALL_ONES, Prefix, show_prefix
from ruleparse.program import Call, Rule, Table
from ruleparse.routing.conditions import inside
from ruleparse.routing.lazy import LazyRules
from ruleparse.routing.model import Route
from ruleparse.routing.route_rules import Lookup, length, rules_of

FEW = 64
"""Routes that are tried one after the other."""
STEP = 8
"""Bits of an address that a table looks at to choose the next."""


def lookup_tables(name: str, routes: Iterable[Route], how: Lookup) -> dict[str, Table]:
    """The table `name`, and those it needs, that look an address up in these routes."""
    ordered = sorted((r for r in routes if "cache" not in r.attributes), key=_order)
    tables: dict[str, Table] = {}
    _add(tables, name, ordered, 0, how)
    return tables


def _order(route: Route) -> tuple[int, ...]:
    """IPv4 compares tables before it compares metrics: where local and main are looked up as one, local wins."""
    source = route.source_prefix
    return (
        -route.destination.mask,
        route.destination.value,
        -source.mask if source else 0,
        route.table != "local",
        -route.tos,
        route.metric,
    )


def _add(tables: dict[str, Table], name: str, routes: Sequence[Route], depth: int, how: Lookup) -> None:
    """Add table `name` for routes whose destinations agree in their first `depth` bits."""
    calls: list[Rule] = []
    for place, group in _places(routes, depth, how.family):
        child = f"{name} {show_prefix(place)}"
        _add(tables, child, group, length(place), how)
        calls.append(Rule(inside("dst", place), (Call(child),)))
    deep = length(place) if calls else 0
    rest = [r for r in routes if length(r.destination) < deep] if calls else routes
    tables[name] = Table(name, LazyRules(lambda: [*calls, *_tried(rest, how)]), group="ip route", label=name)


def _tried(routes: Iterable[Route], how: Lookup) -> Iterator[Rule]:
    for _, group in groupby(routes, lambda r: (r.destination, r.source_prefix, r.table, r.tos, r.metric)):
        yield from rules_of(list(group), how)


def _places(routes: Sequence[Route], depth: int, family: int) -> Iterator[tuple[Prefix, list[Route]]]:
    """The prefixes, some bits longer than `depth`, that divide the routes; none if that would not help."""
    size = ALL_ONES[family].bit_length()
    while len(routes) > FEW and depth + STEP < size:
        depth += STEP
        shift = size - depth
        groups: dict[int, list[Route]] = {}
        for route in routes:
            if length(route.destination) >= depth:
                groups.setdefault(route.destination.value >> shift, []).append(route)
        if len(groups) > len(routes) / 4:
            return
        if len(groups) > 1 or len(next(iter(groups.values()), [])) < len(routes):
            for top, group in groups.items():
                yield Prefix(top << shift, ALL_ONES[family] >> shift << shift, family), group
            return
