"""What the tests of routing share: a node from texts, and lookups in words."""

from collections.abc import Mapping
from textwrap import dedent

import ruleparse.netfilter.fields  # noqa: F401
from ruleparse.bits import Number
from ruleparse.codec import address, interface, interface_name, show_address
from ruleparse.evaluate import Walk, walk
from ruleparse.packet import Packet
from ruleparse.program import Table
from ruleparse.routing import Routing, read_routing
from ruleparse.routing.model import ROUTE_TYPES
from ruleparse.text import Source

_TYPES = {number: word for word, number in ROUTE_TYPES.items() if word != "none"}
_ADDRESSES = {"src", "dst"}
_INTERFACES = {"route_in", "in", "out"}
_BLANK = {
    "src": 0, "mark": 0, "tos": 0, "proto": 0, "sport": 0, "dport": 0, "uid": 0, "local": 0,
    "route_in": 0, "route_type": 0, "route_out": 0, "route_gateway": 0, "route_source": 0, "route_realm": 0,
}  # fmt: skip


def node(**texts: str) -> Routing:
    """A node from its dumps: `route`, `rule`, `addr`, `link`, `sysctl` (`route6` and `rule6` for IPv6)."""
    sources: dict[str, list[Source]] = {}
    for name, text in texts.items():
        kind = "sysctl" if name == "sysctl" else f"ip-{name.rstrip('6')}"
        sources.setdefault(kind, []).append(Source(f"{name}.txt", dedent(text).lstrip("\n")))
    found = read_routing(sources, lambda name: 6 if "6" in name else 4)
    assert [d.render() for d in found.diagnostics] == []
    return found


def packet(**fields: str | int) -> Packet:
    """A packet for a lookup; fields left out are those of a packet of this node."""
    values: dict[str, int] = dict(_BLANK)
    for name, value in fields.items():
        field = name.rstrip("_")
        if isinstance(value, str):
            value = address(value) if field in _ADDRESSES else interface(value)
        values[field] = value
    return Packet(values)


def found(tables: Mapping[str, Table], table: str, **fields: str | int) -> Walk:
    return walk(tables, table, packet(**fields))


def route(tables: Mapping[str, Table], family: int, **fields: str | int) -> str:
    """What "fib" finds, in the words of `ip route`; `none` where it finds nothing. No question may be left open."""
    asked = packet(**fields)
    (end,) = walk(tables, "fib", asked).ends
    assert not asked.unknowns.assumptions
    return words(end.packet, family)


def shown(address: Number, family: int) -> str:
    """An address that is known."""
    assert isinstance(address, int)
    return show_address(address, family)


def words(after: Packet, family: int) -> str:
    """A route found, in the words of `ip route`."""
    numbers = {name: after[name] for name in ("dst", "route_type", "route_out", "route_gateway", "route_source")}
    assert all(isinstance(n, int) for n in numbers.values())
    kind, gateway, source = (int(numbers[n]) for n in ("route_type", "route_gateway", "route_source"))  # type: ignore[arg-type]
    parts = ["none" if kind == 0 else _TYPES[kind]]
    if numbers["route_out"]:
        parts.append(f"dev {interface_name(int(numbers['route_out']))}")  # type: ignore[arg-type]
    if gateway and gateway != numbers["dst"]:
        parts.append(f"via {show_address(gateway, family)}")
    if source:
        parts.append(f"src {show_address(source, family)}")
    return " ".join(parts)
