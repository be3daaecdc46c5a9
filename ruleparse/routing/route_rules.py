"""The rules that routes of one destination become: which next hop is taken, and what a packet learns of it.

Sources: net/ipv4/fib_trie.c (fib_table_lookup), fib_semantics.c (fib_select_path); net/ipv6/route.c (rt6_score_route,
fib6_select_path).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from ruleparse.codec import Prefix, interface, prefix, prefix_length, show_address, show_prefix
from ruleparse.packet import Assumption
from ruleparse.program import Action, Copy, Masked, Rule, Set, Stop
from ruleparse.routing.conditions import Condition, ask, inside, is_, stays_on_link, unless_all
from ruleparse.routing.model import ROUTE_TYPES, Hop, Route
from ruleparse.routing.sysctl import Settings

FOUND = Stop("found")
NOT_FOUND = Stop("not found")

_REFUSALS = frozenset({"blackhole", "unreachable", "prohibit"})
_PREFERENCE = {"high": 0, "medium": 1, "low": 2}


@dataclass(frozen=True, slots=True)
class Lookup:
    """How one table is looked up.

    `suppressed` routes count as not there once they are found (ip-rule(8)). A lookup of the way `back` to where a
    packet came from takes any next hop for good that leads to the interface `in`.
    """

    family: int
    settings: Settings
    suppressed: Callable[[Route], bool] = lambda _: False
    back: bool = False


def length(p: Prefix) -> int:
    return prefix_length(p.mask, p.family) or 0


Way = tuple[Route, Hop]
"""A route and one of its next hops"""


def rules_of(group: list[Route], how: Lookup) -> Iterator[Rule]:
    """Rules for the routes of one destination and metric."""
    if how.family == 4 or len(group) == 1:
        for route in group:
            yield from _by_choice(_usable(route, how), how)
        return
    for _, equals in groupby(sorted(group, key=_preference), _preference):
        ways = [way for route in equals for way in _usable(route, how)]
        yield from _on_same_link(ways, how)
        yield from _by_choice(_equals(ways), how)


def _preference(route: Route) -> int:
    return _PREFERENCE.get(route.pref, 1)


def _on_same_link(ways: list[Way], how: Lookup) -> Iterator[Rule]:
    """Among equal IPv6 routes, those of the interface that the packet came in by come first."""
    outs = dict.fromkeys(hop.out for _, hop in ways if hop.out)
    for out in outs if len(outs) > 1 else ():
        same = [way for way in ways if way[1].out == out]
        yield from _by_choice(_equals(same), how, is_("in" if how.back else "route_in", interface(out)))


def _equals(ways: list[Way]) -> list[Way]:
    """Of equal IPv6 routes: those with gateways, among which the kernel chooses, or else the first."""
    gateways = [way for way in ways if way[1].gateway is not None]
    return gateways if ways and ways[0] in gateways else ways[:1]


def _by_choice(ways: list[Way], how: Lookup, *tests: Condition) -> Iterator[Rule]:
    """Rules for next hops of which the kernel chooses one by a hash over the connection, by weight."""
    if how.back and len(ways) > 1:  # fib_info_nh_uses_dev
        outs = dict.fromkeys(hop.out for _, hop in ways if hop.out)
        for out in outs:
            same = next(way for way in ways if way[1].out == out)
            yield _rule(*same, (*tests, is_("in", interface(out))), how)
        ways = ways[:1]
    rest = sum(hop.weight for _, hop in ways)
    for route, hop in ways[:-1]:
        to = show_prefix(route.destination)
        words = f"packets to {to} leave {_way(hop, route.family)}, one of {len(ways)} next hops"
        chosen = ask(Assumption(words, "", route.span, hop.weight / rest))
        yield _rule(route, hop, (*tests, chosen), how)
        rest -= hop.weight
    for route, hop in ways[-1:]:
        yield _rule(route, hop, tests, how)


def _way(hop: Hop, family: int) -> str:
    via = f"via {show_address(hop.gateway, hop.gateway_family or family)}" if hop.gateway is not None else ""
    return f"{via} by {hop.out}".strip() if hop.out else via


def _usable(route: Route, how: Lookup) -> list[Way]:
    return [(route, h) for h in route.hops if "dead" not in h.flags and not _ignored(route, h, how)]


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


_ON_LINK = (prefix("ff00::/8"), prefix("fe80::/10"), prefix("::1/128"))


def _may_insist(p: Prefix) -> bool:
    """Whether a prefix holds addresses that mean something on one link only."""
    return any((p.value ^ on_link.value) & p.mask & on_link.mask == 0 for on_link in _ON_LINK)


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
