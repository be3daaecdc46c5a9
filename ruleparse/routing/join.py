"""Several texts of one node: `ip route` and `ip -6 route`, `ip addr` and `ip link`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

from ruleparse.routing.model import Interface, Interfaces, Neighbours, PolicyRules, Routes
from ruleparse.routing.sysctl import Settings


def joined_routes(parts: Iterable[Routes]) -> Routes:
    """Where one text has every table of a family, others have nothing to add to it."""
    whole = Routes()
    for part in sorted(parts, key=lambda p: -len(p.complete)):
        new = [r for r in part.routes if r.family not in whole.complete and (r.family, r.table) not in whole.tables]
        whole = Routes(
            whole.routes + new,
            whole.tables | part.tables,
            whole.complete | part.complete,
            whole.diagnostics + part.diagnostics,
        )
    return whole


def joined_rules(parts: Iterable[PolicyRules]) -> PolicyRules:
    whole = PolicyRules()
    for part in parts:
        new = [r for r in part.rules if r.family not in whole.families]
        whole = PolicyRules(whole.rules + new, whole.families | part.families, whole.diagnostics + part.diagnostics)
    return whole


def joined_interfaces(parts: Iterable[Interfaces]) -> Interfaces:
    """Interfaces by name, each with all that any text says of it."""
    whole = Interfaces()
    by_name: dict[str, Interface] = {}
    for part in parts:
        for each in part.interfaces:
            by_name[each.name] = _more(by_name[each.name], each) if each.name in by_name else each
        whole.families |= part.families
        whole.links |= part.links
        whole.diagnostics += part.diagnostics
    whole.interfaces = sorted(by_name.values(), key=lambda i: i.index)
    return whole


def _more(known: Interface, other: Interface) -> Interface:
    """An interface with what is missing taken from another description of it."""
    missing = (f.name for f in fields(Interface) if getattr(known, f.name) in (None, (), frozenset()))
    return replace(known, **{name: getattr(other, name) for name in missing})


def joined_settings(parts: Iterable[Settings]) -> Settings:
    whole = Settings()
    for part in parts:
        whole.by_name.update(part.by_name)
        whole.diagnostics += part.diagnostics
    return whole


def joined_neighbours(parts: Iterable[Neighbours]) -> Neighbours:
    whole = Neighbours()
    for part in parts:
        whole.neighbours += part.neighbours
        whole.forwarded += part.forwarded
        whole.diagnostics += part.diagnostics
    return whole
