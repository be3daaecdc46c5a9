"""The tables and groups of a bridge as a graph for people: what leads from one to the other and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from ruleparse.cni.flow_names import FlowNames
from ruleparse.openflow.action import Lead, leads_of
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.groups import Group
from ruleparse.openflow.program import BridgeProgram

if TYPE_CHECKING:
    from ruleparse.graph import Graph

TABLE, GROUP = "table ", "group "


def bridge(program: BridgeProgram, tables: Iterable[str] | None = None) -> Graph:
    """Every table and group, or only some `tables` and what they lead to.

    Nodes carry `group`, `label`, `rules` (flows, buckets), `base`, `cluster`, `means`; edges `kind`, `rule` (the
    priority), `line`, `text`, `when`.
    """
    import networkx

    graph: Graph = networkx.MultiDiGraph()
    names = FlowNames.of(program)
    chosen = list(program.order if tables is None else tables)
    for table in chosen:
        _node(graph, program, names, f"{TABLE}{table}")
        for flow in program.read(table):
            for kind, to in _leads(flow):
                _node(graph, program, names, to)
                span = flow.span
                more = {"line": span.line, "text": span.text.strip(), "when": flow.match}
                graph.add_edge(f"{TABLE}{table}", to, kind=kind, rule=_priority(flow), **more)
    for group in [g for g in program.groups.values() if tables is None or f"{GROUP}{g.id}" in graph]:
        _node(graph, program, names, f"{GROUP}{group.id}")
        for number, kind, to in _ways(group):
            _node(graph, program, names, to)
            more = {"line": group.span.line, "text": group.span.text.strip(), "when": f"bucket {number}"}
            graph.add_edge(f"{GROUP}{group.id}", to, kind=kind, rule=None, **more)
    return graph


def _node(graph: Graph, program: BridgeProgram, names: FlowNames, node: str) -> None:
    if node in graph:
        return
    if node.startswith(GROUP):
        group = program.groups.get(int(node.removeprefix(GROUP)))
        counted, means = (len(group.buckets), group.type) if group else (None, "not in the dump")
        graph.add_node(node, group="group", label=node, rules=counted, of="bucket", unit="group", base=False,
                       cluster="groups", means=means)  # fmt: skip
        return
    table = node.removeprefix(TABLE)
    means = names.table(table) or ""
    flows = sum(dump.count(table) for dump in program.dumps)
    graph.add_node(node, group="table", label=node, rules=flows, of="flow", unit="table", base=False,
                   cluster=f"bridge {program.name}", means="" if means == table else means)  # fmt: skip


def _leads(flow: Flow) -> Iterator[Lead]:
    with suppress(ValueError):
        yield from leads_of(flow.actions, flow.table)


def _ways(group: Group) -> Iterator[tuple[int, str, str]]:
    for number, bucket in enumerate(group.buckets):
        for kind, to in leads_of(bucket.actions, "0"):
            yield number, kind, to


def _priority(flow: Flow) -> int | None:
    with suppress(ValueError):
        return flow.priority
    return None
