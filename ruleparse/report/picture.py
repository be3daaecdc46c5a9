"""A graph as Graphviz dot, Mermaid, GraphML or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ruleparse.report.arrows import Arrow, Box, arrows, clusters
from ruleparse.text import printable

if TYPE_CHECKING:
    import networkx

    from ruleparse.report.schema import GraphJson

    Graph = networkx.MultiDiGraph[str]

_RED, _GREEN = "#b03030", "#207040"


# Graphviz: graphviz.org/doc/info/lang.html


def dot(graph: Graph) -> str:
    """A cluster for each hook and table; `dot -Tsvg` draws it."""
    lines = ["digraph rules {", "  rankdir=LR;", '  node [shape=box, fontname="monospace", fontsize=11];']
    lines += ['  edge [fontname="monospace", fontsize=9];', *_note_in_dot(graph)]
    for number, (cluster, boxes) in enumerate(clusters(graph).items()):
        inner = [f"{_dot_id(box.node)} [{_box_in_dot(box)}];" for box in boxes]
        if not cluster:
            lines += [f"  {line}" for line in inner]
            continue
        lines += [f"  subgraph cluster_{number} {{", f"    label={_dot_id(cluster)}; color=gray60;"]
        lines += [*(f"    {line}" for line in inner), "  }"]
    lines += [f"  {_dot_id(a.source)} -> {_dot_id(a.target)} [{_arrow_in_dot(a)}];" for a in arrows(graph)]
    return "\n".join([*lines, "}", ""])


_BOXES = {"hook": "shape=hexagon", "base": "style=bold", "several": "peripheries=2", "fate": "shape=box, style=filled"}


def _box_in_dot(box: Box) -> str:
    parts = [f"label={_dot_text(box.lines)}", *filter(None, [_BOXES.get(box.kind)])]
    if box.fate:
        parts.append(f'fillcolor="{_GREEN if box.fate == "accept" else _RED}", fontcolor=white')
    elif box.walked:
        parts.append(f'color="{_RED}", penwidth=2')
    return ", ".join(parts)


def _arrow_in_dot(arrow: Arrow) -> str:
    parts = [f"label={_dot_text(arrow.lines)}"] if arrow.lines else []
    parts += ["style=dashed"] if arrow.kind in ("goto", "recirculate") else []
    parts += [f'color="{_RED}", fontcolor="{_RED}", penwidth=2'] if arrow.walked else []
    return ", ".join(parts)


def _note_in_dot(graph: Graph) -> list[str]:
    note = graph.graph.get("note")
    return [f'  label={_dot_text([note])}; labelloc=b; fontname="monospace"; fontsize=11;'] if note else []


def _dot_id(text: str) -> str:
    return f'"{_dot_escaped(text)}"'


def _dot_text(lines: Iterable[str]) -> str:
    return '"' + "\\n".join(map(_dot_escaped, lines)) + '"'


def _dot_escaped(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')


# Mermaid: mermaid.js.org/syntax/flowchart.html


def mermaid(graph: Graph) -> str:
    """A flowchart with a subgraph for each hook and table."""
    ids = {node: f"n{index}" for index, node in enumerate(graph)}
    note = graph.graph.get("note")
    lines = [*([f"%% {printable(note)}"] if note else []), "flowchart LR"]
    for number, (cluster, boxes) in enumerate(clusters(graph).items()):
        inner = [f"{ids[box.node]}{_box_in_mermaid(box)}" for box in boxes]
        if cluster:
            lines += [f"  subgraph c{number}[{_mermaid_text([cluster])}]", *(f"    {line}" for line in inner), "  end"]
        else:
            lines += [f"  {line}" for line in inner]
    shown = list(arrows(graph))
    lines += [f"  {ids[a.source]} {_arrow_in_mermaid(a)} {ids[a.target]}" for a in shown]
    return "\n".join([*lines, *_styles(graph, ids, shown), ""])


def _box_in_mermaid(box: Box) -> str:
    text = _mermaid_text(box.lines)
    return f"{{{{{text}}}}}" if box.kind == "hook" else f"[[{text}]]" if box.kind == "several" else f"[{text}]"


def _arrow_in_mermaid(arrow: Arrow) -> str:
    head = "-.->" if arrow.kind in ("goto", "recirculate") else "-->"
    return f"{head}|{_mermaid_text(arrow.lines)}|" if arrow.lines else head


def _styles(graph: Graph, ids: dict[str, str], shown: list[Arrow]) -> list[str]:
    """The way of a packet, in colour."""
    fates = {node: data["fate"] for node, data in graph.nodes(data=True) if data.get("fate")}
    walked = [ids[node] for node, data in graph.nodes(data=True) if "walked" in data and node not in fates]
    links = [str(index) for index, arrow in enumerate(shown) if arrow.walked]
    lines = [f"  style {node} stroke:{_RED},stroke-width:3px" for node in walked]
    for node, fate in fates.items():
        lines.append(f"  style {ids[node]} fill:{_GREEN if fate == 'accept' else _RED},color:#ffffff")
    return [*lines, *([f"  linkStyle {','.join(links)} stroke:{_RED},stroke-width:3px"] if links else [])]


def _mermaid_text(lines: Iterable[str]) -> str:
    return '"' + "<br/>".join(map(_mermaid_escaped, lines)) + '"'


def _mermaid_escaped(text: str) -> str:
    return "".join(f"#{ord(c)};" if c in '"#<>&`\\;' else c for c in printable(text))


# GraphML: graphml.graphdrawing.org


def graphml(graph: Graph) -> str:
    """What networkx reads back, and yEd and Gephi draw."""
    import networkx

    plain: Graph = networkx.MultiDiGraph()
    plain.add_nodes_from((printable(node), _plain(data)) for node, data in graph.nodes(data=True))
    plain.add_edges_from((printable(a), printable(b), _plain(data)) for a, b, data in graph.edges(data=True))
    return "\n".join([*networkx.generate_graphml(plain), ""])


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """GraphML has no null, XML no control characters."""
    return {k: printable(v) if isinstance(v, str) else v for k, v in data.items() if v is not None}


def as_json(graph: Graph) -> str:
    """Node-link form; `ruleparse doc --schema graph` has the schema."""
    nodes: Any = [{"id": n, **graph.nodes[n]} for n in graph]
    edges: Any = [{"source": a, "target": b, **data} for a, b, data in graph.edges(data=True)]
    answer: GraphJson = {
        "schema": "ruleparse/graph/1",
        "note": graph.graph.get("note"),
        "nodes": nodes,
        "edges": edges,
    }
    return json.dumps(answer, indent=2) + "\n"


FORMATS = {"dot": dot, "mermaid": mermaid, "graphml": graphml, "json": as_json}
