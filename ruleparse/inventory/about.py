"""What an inventory has about one name: of a chain, table, service, pod, interface, address, set, mark or policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ruleparse.inventory.bridges import flows
from ruleparse.inventory.model import Bridge, End, Family, FlowTable, Inventory, MarkBits, Service
from ruleparse.inventory.rules import in_full, listed
from ruleparse.snapshot import Snapshot


def about(snapshot: Snapshot, whole: Inventory, name: str) -> Inventory | None:
    """What is about `name`, chains with their rules; None if nothing is."""
    found = Inventory(
        families=tuple(_families(snapshot, whole, name)),
        services=tuple(service for service in whole.services if _is_service(service, name)),
        ends=tuple(end for end in whole.ends if _is_end(end, name)),
        sets=tuple(one for one in whole.sets if one.name == name),
        marks=tuple(_marks(whole.marks, name)),
        bridges=tuple(_bridges(snapshot, whole.bridges, name)),
    )
    return found if found != Inventory() else None


def _families(snapshot: Snapshot, whole: Inventory, name: str) -> Iterator[Family]:
    for family in whole.families:
        program = snapshot.program(family.family)
        tables = []
        for table in family.tables:
            if name in (table.name, table.key):
                tables.append(replace(table, listed=listed(program, table)))
                continue
            keys = dict.fromkeys((f"{table.key} {name}", name if name.startswith(f"{table.key} ") else ""))
            if chains := [in_full(program, key) for key in keys if key in program.chains]:
                tables.append(replace(table, listed=tuple(chains)))
        if tables:
            yield replace(family, tables=tuple(tables))


def _is_service(service: Service, name: str) -> bool:
    return (
        name in (service.name, (service.name or "").partition(":")[0])
        or any(name in _way_names(way.address, way.port) for choice in service.choices for way in choice.ways)
        or any(
            name in (e.address, e.address.rpartition(":")[0].strip("[]"), e.pod)
            for choice in service.choices
            for e in choice.endpoints
        )
    )


def _way_names(address: str | None, port: int | None) -> tuple[str | None, str]:
    return address, f"[{address}]:{port}" if ":" in (address or "") else f"{address}:{port}"


def _is_end(end: End, name: str) -> bool:
    policies = (*(end.ingress or ()), *(end.egress or ()))
    return (
        name in (end.interface, end.name, f"pod {end.name}", *end.addresses)
        or name in end.chains
        or any(name in (policy, policy.partition(" ")[2]) for policy in policies)
    )


def _marks(marks: Iterable[MarkBits], name: str) -> Iterator[MarkBits]:
    try:
        wanted = int(name, 0)
    except ValueError:
        return
    if name.startswith("0x"):
        yield from (mark for mark in marks if int(mark.bits, 16) & wanted)


def _flows(snapshot: Snapshot, table: FlowTable) -> FlowTable:
    program = snapshot.bridge()
    return table if program is None else replace(table, listed=tuple(flows(program, table.table)))


def _bridges(snapshot: Snapshot, bridges: Iterable[Bridge], name: str) -> Iterator[Bridge]:
    for bridge in bridges:
        if name == bridge.name:
            yield bridge
            continue
        part = replace(
            bridge,
            tables=tuple(_flows(snapshot, t) for t in bridge.tables if name in (t.table, t.name, f"table {t.table}")),
            ports=tuple(p for p in bridge.ports if name in (p.name, p.pod, f"port {p.number}", *p.addresses)),
            services=tuple(s for s in bridge.services if _is_service(s, name)),
            groups=tuple(g for g in bridge.groups if name == f"group {g.number}"),
            policies=tuple(p for p in bridge.policies if name == f"conjunction {p.conjunction}"),
        )
        if part.tables or part.ports or part.services or part.groups or part.policies:
            yield part
