"""Large graphs made small enough to look at: chains that are called alike become one box, which says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ruleparse.graph import Graph

MOST_BOXES = 100
"""What still makes a picture."""
_FEW = 8
"""Fewer chains of a kind stay what they are: KUBE-SERVICES and KUBE-NODEPORTS are no kind."""
_STEM = re.compile(r"(.*[^A-Za-z0-9])[A-Za-z0-9=]+|(.*?\D)\d+")


def folded(graph: Graph, keep: Collection[str] = (), most: int = MOST_BOXES) -> Graph:
    """A graph of at most about `most` boxes, those to `keep` among them. A box for several says how many `chains` it
    is; edges between the same two boxes stay apart.
    """
    for alike, single in ((_stem, True), (_group, True), (_group, False)):
        if graph.number_of_nodes() > most:
            graph = _fold(graph, alike, keep, single)
    return graph


def stem(label: str) -> str:
    """What chains of a kind have in common: `KUBE-SVC-` of `KUBE-SVC-2CMXP7HKUVJN7L6M`."""
    found = _STEM.fullmatch(label)
    return (found[1] or found[2]) if found else label


def _stem(group: str, label: str) -> tuple[Hashable, str]:
    return (group, stem(label)), f"{stem(label)}*"


def _group(group: str, _: str) -> tuple[Hashable, str]:
    return group, "others"


def _fold(
    graph: Graph, alike: Callable[[str, str], tuple[Hashable, str]], keep: Collection[str], single: bool
) -> Graph:
    """Boxes that are alike become one; only boxes of one chain if `single`."""
    import networkx

    boxes: dict[Hashable, list[str]] = {}
    titles: dict[Hashable, str] = {}
    for node, data in graph.nodes(data=True):
        if data["group"] and not data["base"] and node not in keep and (not single or "chains" not in data):
            key, title = alike(data["group"], data["label"])
            boxes.setdefault(key, []).append(node)
            titles[key] = title
    into: dict[str, str] = {}
    smaller: Graph = networkx.MultiDiGraph()
    for key, members in boxes.items():
        if len(members) >= _FEW:
            first = graph.nodes[members[0]]
            name = f"{first['group']} {titles[key]}"
            into.update(dict.fromkeys(members, name))
            known = [n for node in members if (n := graph.nodes[node]["rules"]) is not None]
            chains = sum(graph.nodes[node].get("chains", 1) for node in members)
            together = {"label": titles[key], "rules": sum(known) if known else None, "chains": chains, "means": ""}
            smaller.add_node(name, **{**first, **together})
    smaller.add_nodes_from((node, data) for node, data in graph.nodes(data=True) if node not in into)
    for source, target, data in graph.edges(data=True):
        ends = into.get(source, source), into.get(target, target)
        if ends[0] != ends[1] or source == target:
            smaller.add_edge(*ends, **data)
    return smaller
