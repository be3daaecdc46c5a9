"""A graph of chains as Graphviz dot, Mermaid or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx


def dot(graph: networkx.MultiDiGraph[str]) -> str:
    """Clusters by table, the kernel's own steps outside of any."""
    lines = ["digraph rules {", "  rankdir=LR;", "  node [shape=box, fontname=monospace];"]
    for group, nodes in _groups(graph).items():
        inner = [f"    {_quoted(n)} [label={_quoted(_title(graph, n))}{_shape(graph, n)}];" for n in nodes]
        if group:
            lines += [f"  subgraph {_quoted('cluster_' + group)} {{", f"    label={_quoted(group)};", *inner, "  }"]
        else:
            lines += inner
    for source, target, count, kind in _edges(graph):
        style = ", style=dashed" if kind == "goto" else ""
        lines.append(f"  {_quoted(source)} -> {_quoted(target)} [label={_quoted(count)}{style}];")
    return "\n".join([*lines, "}", ""])


def mermaid(graph: networkx.MultiDiGraph[str]) -> str:
    """A flowchart with a subgraph for each table."""
    ids = {node: f"n{index}" for index, node in enumerate(sorted(graph))}
    lines = ["flowchart LR"]
    for group, nodes in _groups(graph).items():
        inner = [f'    {ids[n]}["{_title(graph, n).replace(chr(34), "&quot;")}"]' for n in nodes]
        lines += [f"  subgraph {group}", *inner, "  end"] if group else inner
    for source, target, count, kind in _edges(graph):
        arrow = "-.->" if kind == "goto" else "-->"
        label = f"|{count}|" if count else ""
        lines.append(f"  {ids[source]} {arrow}{label} {ids[target]}")
    return "\n".join([*lines, ""])


def as_json(graph: networkx.MultiDiGraph[str]) -> str:
    """Node-link form: {"nodes": [...], "edges": [...]}."""
    nodes = [{"id": n, **graph.nodes[n]} for n in sorted(graph)]
    edges = [{"source": a, "target": b, **data} for a, b, data in graph.edges(data=True)]
    return json.dumps({"schema": "ruleparse/graph/1", "nodes": nodes, "edges": edges}, indent=2) + "\n"


def _groups(graph: networkx.MultiDiGraph[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for node in sorted(graph):
        data = graph.nodes[node]
        groups.setdefault(data.get("group", ""), []).append(node)
    return groups


def _title(graph: networkx.MultiDiGraph[str], node: str) -> str:
    data = graph.nodes[node]
    rules = data.get("rules", 0)
    return f"{data.get('label', node)} ({rules})" if data.get("group") else str(data.get("label", node))


def _shape(graph: networkx.MultiDiGraph[str], node: str) -> str:
    data = graph.nodes[node]
    return ", style=bold" if data.get("base") else ", style=rounded" if not data.get("group") else ""


def _edges(graph: networkx.MultiDiGraph[str]) -> Iterator[tuple[str, str, str, str]]:
    """One edge for all rules between two chains, labelled with their numbers."""
    between: dict[tuple[str, str, str], list[int]] = {}
    for source, target, data in graph.edges(data=True):
        between.setdefault((source, target, data["kind"]), []).append(data["rule"] or 0)
    for (source, target, kind), numbers in sorted(between.items()):
        shown = [str(n) for n in sorted(set(numbers)) if n]
        yield source, target, ",".join(shown[:5]) + ("…" if len(shown) > 5 else ""), kind


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


FORMATS = {"dot": dot, "mermaid": mermaid, "json": as_json}
