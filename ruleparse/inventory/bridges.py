"""Bridges: tables, ports, services, groups and policies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from ruleparse.cni.flow_names import FlowNames
from ruleparse.cni.saved_flows import SavedFlow
from ruleparse.drawing.bridge import bridge
from ruleparse.inventory.model import Bridge, BridgeGroup, BridgePort, Choice, FlowLine, FlowTable, Policy, Service, Way
from ruleparse.inventory.services import Name, Pod, endpoint
from ruleparse.openflow.program import BridgeProgram


def of_program(program: BridgeProgram, pod: Pod, name: Name) -> Bridge:
    """All of a bridge."""
    names = FlowNames.of(program)
    return Bridge(
        program.name,
        tuple(names.writers()),
        tuple(_tables(program, names)),
        tuple(_ports(program, names, pod)),
        tuple(_services(names, pod, name)),
        tuple(_groups(program)),
        tuple(Policy(table, rule.number, rule.priority, says) for table, rule, says in names.policies()),
    )


def _tables(program: BridgeProgram, names: FlowNames) -> Iterator[FlowTable]:
    for table in program.order:
        name = names.table(table)
        flows = sum(dump.count(table) for dump in program.dumps)
        yield FlowTable(table, None if name == table else name, names.purpose(table), flows)


def flows(program: BridgeProgram, table: str) -> Iterator[FlowLine]:
    """The flows of a table, with what each means; those that cannot be read are left out, and diagnosed."""
    names = FlowNames.of(program)
    for flow in program.read(table):
        saved = SavedFlow(flow)
        with suppress(ValueError):
            yield FlowLine(flow.priority, flow.match, flow.doing, flow.span.line, names.flow(saved))


def _ports(program: BridgeProgram, names: FlowNames, pod: Pod) -> Iterator[BridgePort]:
    addresses, isolated = names.addresses(), names.isolated()
    for port in sorted(program.port_list.saved.values(), key=lambda p: p.number):
        mine = tuple(addresses.get(port.number, ()))
        whose = next((name for address in mine if (name := pod(address))), None)
        yield BridgePort(port.number, port.name, port.up, mine, whose, tuple(isolated.get(port.number, ())))


def _services(names: FlowNames, pod: Pod, name: Name) -> Iterator[Service]:
    for one, endpoints, seconds in names.served():
        found = tuple(endpoint(e.address, e.share, pod) for e in endpoints)
        way = Way(one.reach, one.address, one.port)
        called = name(one.address or "", one.protocol, one.port or 0)
        yield Service(called, one.protocol, (Choice((way,), found, seconds, None if found else "no endpoints"),))


def _groups(program: BridgeProgram) -> Iterator[BridgeGroup]:
    if not program.groups:
        return
    graph = bridge(program)
    for group in program.groups.values():
        users = dict.fromkeys(graph.predecessors(f"group {group.id}"))
        yield BridgeGroup(group.id, group.type, len(group.buckets), tuple(users))
