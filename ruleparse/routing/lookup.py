"""A routing table as a table of rules: the longest prefix first, among equals the smallest metric.

The rules end with Stop("found") or, where the lookup goes on in another table, Stop("not found"). Sources:
net/ipv4/fib_trie.c (fib_table_lookup), net/ipv6/route.c (fib6_table_lookup, rt6_score_route).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ruleparse.codec import ALL_ONES, Prefix, interface, prefix_length, show_address, show_prefix
from ruleparse.packet import Assumption
from ruleparse.program import Action, Call, Copy, Masked, Rule, Set, Stop, Table
from ruleparse.routing.conditions import Condition, ask, inside, is_, stays_on_link, unless_all
from ruleparse.routing.model import ROUTE_TYPES, Hop, Route
from ruleparse.routing.sysctl import Settings

FOUND = Stop("found")
NOT_FOUND = Stop("not found")

FEW = 48
"""Rules that are tried one after the other; more are put into tables of their own by the first bits of the address."""

_REFUSALS = frozenset({"blackhole", "unreachable", "prohibit"})
_PREFERENCE = {"high": 0, "medium": 1, "low": 2}


@dataclass(frozen=True, slots=True)
class Lookup:
    """How one table is looked up: `suppressed` routes count as not there once they are found (ip-rule(8))."""

    family: int
    settings: Settings
    suppressed: Callable[[Route], bool] = lambda _: False


def lookup_tables(name: str, routes: Iterable[Route], how: Lookup) -> dict[str, Table]:
    """The table `name`, and those it needs, that look an address up in these routes."""
    ordered = sorted((r for r in routes if "cache" not in r.attributes), key=_order)
    rules = [(r, rule) for _, group in groupby(ordered, _same_place) for r, rule in _rules(list(group), how)]
    tables: dict[str, Table] = {}
    _fill(name, rules, 0, how.family, tables)
    return tables


def _order(route: Route) -> tuple[int, ...]:
    source = route.source_prefix
    return (
        -_length(route.destination),
        route.destination.value,
        -_length(source) if source else 0,
        route.table != "local",
        -route.tos,
        route.metric,
    )


def _same_place(route: Route) -> tuple[object, ...]:
    return (route.destination, route.source_prefix, route.table, route.tos, route.metric)


def _length(p: Prefix) -> int:
    return prefix_length(p.mask, p.family) or 0


# Rules


def _rules(group: list[Route], how: Lookup) -> Iterator[tuple[Route, Rule]]:
    """Rules for the routes of one destination and metric."""
    if how.family == 4 or len(group) == 1:
        for route in group:
            for tests, hop in _choices([(route, h) for h in _usable(route, how)]):
                yield route, _rule(route, hop, tests, how)
        return
    for _, equals in groupby(sorted(group, key=_preference), _preference):
        ways = [(route, hop) for route in equals for hop in _usable(route, how)]
        yield from _on_same_link(ways, how)
        yield from ((r, _rule(r, hop, tests, how)) for r, tests, hop in _by_gateway(ways))


def _preference(route: Route) -> int:
    return _PREFERENCE.get(route.pref, 1)


Way = tuple[Route, Hop]


def _on_same_link(ways: list[Way], how: Lookup) -> Iterator[tuple[Route, Rule]]:
    """Among equal IPv6 routes, those of the interface that the packet came in by come first."""
    outs = dict.fromkeys(hop.out for _, hop in ways if hop.out)
    for out in outs if len(outs) > 1 else ():
        for route, tests, hop in _by_gateway([w for w in ways if w[1].out == out]):
            yield route, _rule(route, hop, (is_("route_in", interface(out)), *tests), how)


def _by_gateway(ways: list[Way]) -> Iterator[tuple[Route, tuple[Condition, ...], Hop]]:
    """Among equal routes with gateways the kernel hashes, or asks who is reachable; of others the first holds."""
    gateways = [w for w in ways if w[1].gateway is not None]
    chosen = gateways if ways and ways[0] in gateways else ways[:1]
    routes = {id(hop): route for route, hop in chosen}
    for tests, hop in _choices(chosen):
        yield routes[id(hop)], tests, hop


def _choices(ways: list[Way]) -> Iterator[tuple[tuple[Condition, ...], Hop]]:
    """Next hops and what makes the kernel choose each: a hash over the connection, by weight."""
    rest = sum(hop.weight for _, hop in ways)
    for route, hop in ways[:-1]:
        words = (
            f"packets to {show_prefix(route.destination)} leave {_way(hop, route.family)}, one of {len(ways)} next hops"
        )
        yield (ask(Assumption(words, "", route.span, hop.weight / rest)),), hop
        rest -= hop.weight
    for _, hop in ways[-1:]:
        yield (), hop


def _way(hop: Hop, family: int) -> str:
    via = f"via {show_address(hop.gateway, hop.gateway_family or family)}" if hop.gateway is not None else ""
    return f"{via} by {hop.out}".strip() if hop.out else via


def _usable(route: Route, how: Lookup) -> list[Hop]:
    return [h for h in route.hops if "dead" not in h.flags and not _ignored(route, h, how)]


def _ignored(route: Route, hop: Hop, how: Lookup) -> bool:
    return "linkdown" in hop.flags and hop.out is not None and _ignores_linkdown(route, hop.out, how) == 1


def _ignores_linkdown(route: Route, out: str, how: Lookup) -> int | None:
    """Whether routes by an interface without carrier count, which only its settings tell."""
    return how.settings.of_interface(route.family, out, "ignore_routes_with_linkdown")


def _rule(route: Route, hop: Hop, tests: tuple[Condition, ...], how: Lookup) -> Rule:
    return Rule((*_tests(route, hop, how), *tests), _actions(route, hop, how), None, route.span)


def _tests(route: Route, hop: Hop, how: Lookup) -> Iterator[Condition]:
    yield from inside("dst", route.destination)
    if route.source_prefix is not None:
        yield from inside("src", route.source_prefix)
    if route.tos:
        yield Masked("tos", route.tos & 0xFC, 0x1C if route.family == 4 else 0xFC)
    if route.family == 6 and hop.out and route.type not in _REFUSALS and _may_insist(route.destination):
        yield stays_on_link(interface(hop.out))
    if "linkdown" in hop.flags and hop.out and _ignores_linkdown(route, hop.out, how) is None:
        words = f"routes by {hop.out}, which has no carrier, are ignored"
        yield unless_all([ask(Assumption(words, "sysctl -a", route.span))])


_ON_LINK = ((0xFF << 120, 8), (0xFE80 << 112, 10))


def _may_insist(p: Prefix) -> bool:
    """Whether a prefix holds link-local or multicast addresses."""
    for value, length in _ON_LINK:
        shift = 128 - min(length, _length(p))
        if value >> shift == p.value >> shift:
            return True
    return False


def _actions(route: Route, hop: Hop, how: Lookup) -> tuple[Action, ...]:
    if route.type == "throw" or (route.type not in _REFUSALS and how.suppressed(route)):
        return (NOT_FOUND,)
    kind = Set("route_type", ROUTE_TYPES.get(route.type, 1))
    if route.type in _REFUSALS:
        return (kind, FOUND)
    return (
        kind,
        Set("route_out", interface(hop.out) if hop.out else 0),
        _gateway(hop, route.family),
        Set("route_source", route.source or 0),
        Set("route_realm", route.realm),
        FOUND,
    )


def _gateway(hop: Hop, family: int) -> Action:
    """The next hop. Behind a gateway of the other family the kernel goes on with the destination (rt_nexthop)."""
    if hop.gateway is None or (hop.gateway_family or family) != family:
        return Copy("route_gateway", "dst")
    return Set("route_gateway", hop.gateway)


# Many rules: a tree of tables


def _fill(name: str, rules: Sequence[tuple[Route, Rule]], depth: int, family: int, tables: dict[str, Table]) -> None:
    """Put rules into table `name`; addresses that share more than `depth` bits may get tables of their own."""
    tables[name] = Table(name, list(_few(name, rules, depth, family, tables)), group="ip route", label=name)


def _few(
    name: str, rules: Sequence[tuple[Route, Rule]], depth: int, family: int, tables: dict[str, Table]
) -> Iterator[Rule]:
    size = 32 if family == 4 else 128
    depth = _shared(rules, depth, size)
    if len(rules) <= FEW or depth >= size:
        yield from (rule for _, rule in rules)
        return
    shift = size - depth - 8
    narrow = [(r, rule) for r, rule in rules if _length(r.destination) >= depth + 8]
    for top, group in groupby(sorted(narrow, key=lambda p: _top(p[0], shift)), lambda p: _top(p[0], shift)):
        place = Prefix(top << shift, ALL_ONES[family] >> shift << shift, family)
        child = f"{name} {show_prefix(place)}"
        _fill(child, list(group), depth + 8, family, tables)  # sorted as before: the longest prefix first
        yield Rule(inside("dst", place), (Call(child),))
    yield from (rule for r, rule in rules if _length(r.destination) < depth + 8)


def _top(route: Route, shift: int) -> int:
    return route.destination.value >> shift


def _shared(rules: Sequence[tuple[Route, Rule]], depth: int, size: int) -> int:
    """How many bits, in steps of 8, all destinations have and have in common."""
    while depth < size and all(_length(r.destination) >= depth + 8 for r, _ in rules):
        if len({_top(r, size - depth - 8) for r, _ in rules}) > 1:
            break
        depth += 8
    return depth
