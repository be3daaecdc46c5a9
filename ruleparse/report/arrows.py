"""What a picture shows of a graph: boxes in clusters, and one arrow for all edges between two boxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruleparse.text import printable

if TYPE_CHECKING:
    import networkx

    Graph = networkx.MultiDiGraph[str]

MOST_RULES = 3
MOST_WORDS = 60


@dataclass(frozen=True, slots=True)
class Box:
    """A node: `lines` are its text; `kind` is hook, base, chain, several or fate."""

    node: str
    lines: tuple[str, ...]
    kind: str
    walked: bool
    fate: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """All edges of a kind between two boxes; `lines` say by which rules and when."""

    source: str
    target: str
    kind: str
    lines: tuple[str, ...]
    walked: bool


def clusters(graph: Graph) -> dict[str, list[Box]]:
    """The boxes by the cluster they belong to, those of none first."""
    found: dict[str, list[Box]] = {"": []}
    for node, data in graph.nodes(data=True):
        found.setdefault(printable(data.get("cluster", data.get("group", ""))), []).append(_box(node, data))
    return found


def _box(node: str, data: dict[str, Any]) -> Box:
    group, label, chains = data.get("group", ""), data.get("label", node), data.get("chains", 1)
    fate = data.get("fate", "")
    kind = "fate" if fate else "several" if chains > 1 else "base" if data.get("base") else "chain" if group else "hook"
    title = f"{group} {label}" if kind == "base" else str(label)
    return Box(
        node, tuple(map(_cut, filter(None, [title, _size(data), data.get("means")]))), kind, "walked" in data, fate
    )


def _size(data: dict[str, Any]) -> str:
    """`3 rules`, `5,000 chains, 20,000 rules`"""
    parts = [f"{data['chains']:,} {data.get('unit', 'chain')}s"] if data.get("chains", 1) > 1 else []
    rules = data.get("rules")
    if rules is not None and data.get("group"):
        what = data.get("of", "rule")
        parts.append(f"{rules:,} {what}{'' if rules == 1 else 's'}")
    return ", ".join(parts)


def arrows(graph: Graph) -> Iterator[Arrow]:
    """One for all edges of a kind between two boxes."""
    between: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for source, target, data in graph.edges(data=True):
        between.setdefault((source, target, data["kind"]), []).append(data)
    for (source, target, kind), edges in between.items():
        yield Arrow(source, target, kind, tuple(_labels(edges)), any("walked" in edge for edge in edges))


def _labels(edges: list[dict[str, Any]]) -> Iterator[str]:
    """`3: tcp dport 80`: the number of each rule and what it asks; where there are too many, how many."""
    walked = [edge for edge in edges if "walked" in edge]
    said = list(dict.fromkeys(label for edge in walked or edges if (label := _label(edge))))
    shown = said if len(said) <= MOST_RULES else said[: MOST_RULES - 1]
    yield from map(_cut, shown)
    if len(said) > len(shown):
        yield f"… {len(said) - len(shown):,} more rules"


def _label(edge: dict[str, Any]) -> str:
    number = "" if edge["rule"] is None else f"{edge['rule']}"
    return ": ".join(filter(None, [number, edge.get("when") or ""]))


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= MOST_WORDS else f"{text[: MOST_WORDS - 1]}…"
