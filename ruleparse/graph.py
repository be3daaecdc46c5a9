"""A program as a graph: tables are nodes; calls, jumps, gotos and forks are edges. Made of networkx."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ruleparse.program import Action, Call, Fork, Goto, Program, Rule, Table

if TYPE_CHECKING:
    import networkx

    Graph = networkx.MultiDiGraph[str]

When = Callable[[Rule], str]
"""What a rule asks of a packet, in short."""


def graph_of(program: Program, tables: Iterable[str] | None = None, when: When | None = None) -> Graph:
    """Nodes carry `group`, `label`, `rules`, `base`; edges `kind`, `rule`, `line`, `text`, and `when` if it is asked.

    Of only some `tables` it has those and, bare, what they lead to.
    """
    import networkx

    graph: Graph = networkx.MultiDiGraph()
    names = list(program if tables is None else tables)
    for name in names:
        table = program[name]
        graph.add_node(name, group=table.group, label=table.label or name, rules=len(table.rules), base=table.base)
    for name in names:
        for rule, action, to in _edges(program[name]):
            span = rule.span
            graph.add_edge(
                name,
                to,
                kind=type(action).__name__.lower(),
                rule=rule.number,
                line=span and span.line,
                text=span.text if span else "",
                **({} if when is None else {"when": when(rule)}),
            )
    return graph


def _edges(table: Table) -> Iterator[tuple[Rule, Action, str]]:
    for rule in (*table.rules, table.default):
        for action in rule.actions:
            if isinstance(action, Call | Goto | Fork):
                yield rule, action, action.table


def around(graph: Graph, name: str, depth: int | None = None) -> Graph:
    """What leads to the nodes whose name or label is `name`, and what they lead to, over `depth` edges at most.

    Raises KeyError.
    """
    focus = [n for n, data in graph.nodes(data=True) if name in (n, data.get("label"))]
    if not focus:
        raise KeyError(name)
    return near(graph, focus, depth)


def near(graph: Graph, focus: Iterable[str], depth: int | None = None) -> Graph:
    """What leads to some nodes, and what they lead to, over `depth` edges at most."""
    import networkx

    kept: set[str] = set()
    for node in focus:
        for way in (graph, graph.reverse(copy=False)):
            kept |= networkx.single_source_shortest_path_length(way, node, depth).keys()
    smaller: Graph = networkx.MultiDiGraph()  # and not a view, whose order is that of a set
    smaller.add_nodes_from((node, data) for node, data in graph.nodes(data=True) if node in kept)
    smaller.add_edges_from((a, b, data) for a, b, data in graph.edges(data=True) if a in kept and b in kept)
    return smaller


def without(graph: Graph, hidden: Iterable[str]) -> Graph:
    """A graph without some nodes: what led to them leads to where they led."""
    import networkx

    left_out = set(hidden)
    shorter: Graph = networkx.MultiDiGraph()
    shorter.add_nodes_from((node, data) for node, data in graph.nodes(data=True) if node not in left_out)
    for source, target, data in graph.edges(data=True):
        if source not in left_out:
            for end in _ends(graph, target, left_out):
                shorter.add_edge(source, end, **data)
    return shorter


def _ends(graph: Graph, node: str, hidden: set[str]) -> list[str]:
    """A node, or those that can be reached from it through hidden ones."""
    found: dict[str, None] = {}
    seen, pending = {node}, [node]
    while pending:
        at = pending.pop()
        if at not in hidden:
            found[at] = None
            continue
        fresh = [n for n in graph.successors(at) if n not in seen]
        seen.update(fresh)
        pending += fresh
    return list(found)
