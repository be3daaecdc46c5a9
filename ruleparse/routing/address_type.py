"""The table "address type": what kind of address `dst` is to the kernel.

IPv4 asks table local alone (net/ipv4/fib_frontend.c, __inet_dev_addr_type); IPv6 asks for a route as if this node sent
a packet there (net/netfilter/xt_addrtype.c, match_lookup_rt6).
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.codec import prefix_length
from ruleparse.program import Action, Call, Masked, Return, Rule, Set, Table
from ruleparse.routing.conditions import is_
from ruleparse.routing.known import Known
from ruleparse.routing.lookup import lookup_tables
from ruleparse.routing.model import ROUTE_TYPES, Route
from ruleparse.routing.policy import FIB, inside_local, unknown_local
from ruleparse.routing.route_rules import FOUND, NOT_FOUND, Lookup

ADDRESS_TYPE = "address type"
_ADDRESSES = "routes of addresses"
_ERRORS = ("blackhole", "unreachable", "prohibit", "throw")


def address_type_tables(known: Known) -> dict[str, Table]:
    """The table "address type" and those it calls."""
    return _tables4(known) if known.family == 4 else _tables6(known)


def _type(word: str) -> Set:
    return Set("route_type", ROUTE_TYPES[word])


def _tables4(known: Known) -> dict[str, Table]:
    nowhere = Set("route_out", 0)
    look_up = Call(_ADDRESSES, (FOUND.verdict, NOT_FOUND.verdict))
    rules = [
        Rule((is_("dst", 0),), (_type("broadcast"), nowhere, Return())),
        Rule((is_("dst", 0xFFFFFFFF),), (_type("broadcast"), nowhere, Return())),
        Rule((Masked("dst", 0xE0000000, 0xF0000000),), (_type("multicast"), nowhere, Return())),
        Rule((), (_type("unicast"), nowhere, look_up)),
        *(Rule((is_("route_type", ROUTE_TYPES[kind]),), (_type("unicast"),)) for kind in _ERRORS),
    ]
    return {ADDRESS_TYPE: Table(ADDRESS_TYPE, rules), **_own_addresses(known)}


def _own_addresses(known: Known) -> dict[str, Table]:
    rows = known.table("local")
    if rows is None:
        return {_ADDRESSES: Table(_ADDRESSES, list(unknown_local(known)))}
    narrower = inside_local(rows, known.table("main") or [])
    return lookup_tables(_ADDRESSES, [*rows, *narrower], Lookup(4, known.settings))


def _tables6(known: Known) -> dict[str, Table]:
    """A route that is refused makes an address unreachable; the first address of a network on the link is anycast."""
    as_if_sent: tuple[Action, ...] = tuple(Set(f, 0) for f in ("src", "mark", "route_in", "route_type", "route_out"))
    refused = [Rule((is_("route_type", ROUTE_TYPES[k]),), (_type("unreachable"),)) for k in ("unspec", *_ERRORS)]
    rules = [Rule((), (*as_if_sent, Call(FIB))), *refused, *_first_addresses(known)]
    return {ADDRESS_TYPE: Table(ADDRESS_TYPE, rules)}


def _first_addresses(known: Known) -> Iterator[Rule]:
    for table in {r.table for r in known.routes.routes if r.family == 6}:
        for route in known.table(table) or []:
            if _on_link(route):
                unicast = is_("route_type", ROUTE_TYPES["unicast"])
                yield Rule((is_("dst", route.destination.value), unicast), (_type("anycast"),))


def _on_link(route: Route) -> bool:
    length = prefix_length(route.destination.mask, 6) or 0
    return route.type == "unicast" and 0 < length < 127 and all(h.gateway is None for h in route.hops)
