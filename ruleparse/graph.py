"""A program as a graph: tables are nodes; calls, jumps, gotos and forks are edges. Made of networkx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ruleparse.program import Action, Call, Fork, Goto, Program, Rule, Table

if TYPE_CHECKING:
    import networkx


def graph_of(program: Program) -> networkx.MultiDiGraph[str]:
    """Nodes carry `group`, `label`, `rules`, `base`; edges `kind`, `rule`, `line`, `text`."""
    import networkx

    graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    for name in program:
        table = program[name]
        graph.add_node(name, group=table.group, label=table.label or name, rules=len(table.rules), base=table.base)
    for name in program:
        for rule, action, to in _edges(program[name]):
            span = rule.span
            graph.add_edge(
                name,
                to,
                kind=type(action).__name__.lower(),
                rule=rule.number,
                line=span and span.line,
                text=span.text if span else "",
            )
    return graph


def _edges(table: Table) -> Iterator[tuple[Rule, Action, str]]:
    for rule in (*table.rules, table.default):
        for action in rule.actions:
            if isinstance(action, Call | Goto | Fork):
                yield rule, action, action.table


def around(graph: networkx.MultiDiGraph[str], name: str) -> networkx.MultiDiGraph[str]:
    """What leads to the nodes whose name or label is or ends in `name`, and what they lead to. Raises KeyError."""
    import networkx

    focus = [n for n, data in graph.nodes(data=True) if name in (n, data.get("label"))]
    if not focus:
        raise KeyError(name)
    kept: set[str] = set(focus)
    for node in focus:
        kept |= networkx.ancestors(graph, node) | networkx.descendants(graph, node)
    return graph.subgraph(kept)
