"""The inventory of a node."""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.names import Names
from ruleparse.codec import show_address
from ruleparse.inventory import bridges, marks_and_sets, rules, services
from ruleparse.inventory.model import Bridge, End, File, Inventory, Service
from ruleparse.snapshot import Snapshot

_WHOLE = {4: 32, 6: 128}


def inventory(snapshot: Snapshot) -> Inventory:
    """All that the dumps of a node hold."""
    programs = [snapshot.program(family) for family in snapshot.families]
    names = [Names.of(program) for program in programs]
    texts = list(marks_and_sets.texts(programs))
    return Inventory(
        tuple(File(source.name, kind) for source, kind in snapshot.sources),
        tuple(map(rules.of_family, programs)),
        tuple(_services(snapshot)),
        tuple(_ends(snapshot)),
        tuple(marks_and_sets.sets(snapshot.sets, texts, names)),
        tuple(marks_and_sets.marks(texts, names)),
        tuple(_bridges(snapshot)),
    )


def _whose(snapshot: Snapshot) -> services.Pod:
    """Whose pod an address is, as far as `kubectl` said it."""
    cluster = snapshot.cluster

    def pod(address: str) -> str | None:
        found = None if cluster is None else cluster.pod_at(address)
        return None if found is None else found.full_name

    return pod


def _called(snapshot: Snapshot) -> services.Name:
    """What a service is called, by address, protocol and port."""
    cluster = snapshot.cluster
    return lambda address, protocol, port: None if cluster is None else cluster.port_at(address, protocol, port)


def _services(snapshot: Snapshot) -> Iterator[Service]:
    pod = _whose(snapshot)
    for family in snapshot.families:
        yield from services.of_rules(Names.of(snapshot.program(family)), pod)
        yield from services.of_servers(snapshot.virtual_servers or (), family, _called(snapshot), pod)


def _ends(snapshot: Snapshot) -> Iterator[End]:
    """Interfaces that have chains in the rules of both families are one."""
    found: dict[tuple[str, str, str | None], End] = {}
    for family in snapshot.families:
        for end in rules.ends(
            snapshot.program(family), lambda interface: addresses(snapshot, interface), _whose(snapshot)
        ):
            found.setdefault((end.kind, end.interface, end.name), end)
    return iter(found.values())


def addresses(snapshot: Snapshot, interface: str) -> tuple[str, ...]:
    """The single addresses that routes lead to by an interface, as those of pods do."""
    there = (
        show_address(route.destination.value, route.family)
        for route in snapshot.routing.routes.routes
        if route.type == "unicast"
        and str(route.destination).endswith(f"/{_WHOLE[route.family]}")
        and any(hop.out == interface and hop.gateway is None for hop in route.hops)
    )
    return tuple(dict.fromkeys(there))


def _bridges(snapshot: Snapshot) -> Iterator[Bridge]:
    program = snapshot.bridge()
    if program is not None:
        yield bridges.of_program(program, _whose(snapshot), _called(snapshot))
