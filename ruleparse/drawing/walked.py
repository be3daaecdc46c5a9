"""The way of a packet as a graph: the chains or tables it met, what they could have led to, and how it ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from ruleparse.drawing.bridge import TABLE, bridge
from ruleparse.drawing.chains import HOOKS, chains, name_chains
from ruleparse.drawing.folding import folded
from ruleparse.snapshot import Snapshot
from ruleparse.why import Answer, Outcome, Place
from ruleparse.why_bridge import BridgeAnswer, BridgeOutcome, bridge_of

if TYPE_CHECKING:
    from ruleparse.graph import Graph

MOST_BOXES = 60


def walked(snapshot: Snapshot, answer: Answer | BridgeAnswer) -> Graph:
    """What was met is marked `walked`, in nodes and edges; each fate is a node with its verdict as `fate`."""
    return _through_chains(snapshot, answer) if isinstance(answer, Answer) else _through_tables(snapshot, answer)


def _through_chains(snapshot: Snapshot, answer: Answer) -> Graph:
    program = snapshot.program(answer.family)
    places = [(step.hook, step.place) for o in answer.outcomes for step in o.steps]
    met = {name: None for _, place in places if (name := _node(place)) in program}
    hooks = {hook for hook, _ in places}
    graph = _near(chains(program, met), {*met, *hooks})
    for outcome in answer.outcomes:
        _mark_chains(graph, outcome)
    graph = folded(graph, {*met, *hooks}, MOST_BOXES)
    name_chains(graph, program)
    for number, (source, fate, words) in enumerate(_fates(answer.outcomes), 1):
        _end(graph, number, source, fate, words)
    return graph


def _node(place: Place) -> str:
    return place.where


def _near(graph: Graph, kept: Collection[str]) -> Graph:
    """Some nodes and, but for hooks, what they lead to."""
    import networkx

    next_to = {to for node in kept if node in graph and node not in HOOKS for to in graph.successors(node)}
    smaller: Graph = networkx.MultiDiGraph()
    smaller.add_nodes_from((n, data) for n, data in graph.nodes(data=True) if n in kept or n in next_to)
    edges = graph.edges(data=True)
    smaller.add_edges_from((a, b, data) for a, b, data in edges if a in kept and b in smaller)
    return smaller


def _mark_chains(graph: Graph, outcome: Outcome) -> None:
    steps = [(step.hook, _node(step.place), step.place) for step in outcome.steps]
    met = {node for _, node, _ in steps} | {hook for hook, _, _ in steps}
    _mark_nodes(graph, met)
    taken = {(node, place.rule) for _, node, place in steps}
    first = {(hook, node) for hook, node, _ in steps}
    onwards = set(pairwise(dict.fromkeys(hook for hook, _, _ in steps)))
    for source, target, data in graph.edges(data=True):
        if (source, data["rule"]) in taken or (source, target) in first or (source, target) in onwards:
            data["walked"] = True
            _mark_nodes(graph, [target])


def _mark_nodes(graph: Graph, nodes: Iterable[str]) -> None:
    for node in nodes:
        if node in graph:
            graph.nodes[node]["walked"] = True


Fate = tuple[str, str, str]
"""The node it ends in, the verdict, and words."""


def _fates(outcomes: Iterable[Outcome]) -> list[Fate]:
    """Each once; how likely they are is added up."""
    odds: dict[Fate, float] = {}
    for o in outcomes:
        last = o.steps[-1].hook if o.steps else ""
        at = o.decided_by if o.verdict != "accept" else None
        source = _node(at) if at is not None else last
        rule = "" if at is None else "by the policy" if at.rule == 0 else f"by rule {at.rule}"
        fate = source, o.verdict, " ".join(filter(None, [_in_words(o), rule]))
        odds[fate] = odds.get(fate, 0) + (o.probability if o.when is None else 0)
    return [(s, v, f"{words}\t{100 * p:.3g} %" if 0 < p < 0.9999 else words) for (s, v, words), p in odds.items()]


def _in_words(o: Outcome) -> str:
    if o.verdict == "accept":
        return "accepted, delivered to this node" if o.egress == "local" else f"accepted, leaves by {o.egress or '?'}"
    word = f"rejected with {o.reject_with}" if o.verdict == "reject" else "dropped"
    return f"{word}: {o.reason}" if o.reason else word


def _end(graph: Graph, number: int, source: str, fate: str, words: str) -> None:
    label, _, odds = words.partition("\t")
    node = f"fate {number}"
    graph.add_node(node, group="", label=label, rules=None, base=False, cluster="", means=odds, fate=fate, walked=True)
    if source in graph:
        graph.add_edge(source, node, kind="end", rule=None, line=None, text="", when="", walked=True)


# Bridges


def _through_tables(snapshot: Snapshot, answer: BridgeAnswer) -> Graph:
    program = bridge_of(snapshot, answer.asked)
    tables = dict.fromkeys(step.table for o in answer.outcomes for step in o.steps)
    met = {f"{TABLE}{table}" for table in tables}
    graph = bridge(program, tables)
    _mark_nodes(graph, met)
    lines = {(f"{TABLE}{step.table}", step.line) for o in answer.outcomes for step in o.steps}
    for source, target, data in graph.edges(data=True):
        if (source, data["line"]) in lines and (target in met or data["kind"] == "group"):
            data["walked"] = True
            _mark_nodes(graph, [target])
    for number, outcome in enumerate(answer.outcomes, 1):
        last = f"{TABLE}{outcome.steps[-1].table}" if outcome.steps else ""
        _end(graph, number, last, outcome.verdict, "\t".join(_said(outcome)))
    return folded(graph, met, MOST_BOXES)


def _said(o: BridgeOutcome) -> Iterator[str]:
    ports = ", ".join(f"port {e.port} ({e.name})" if e.port is not None else str(e.name) for e in o.egress)
    word = {"accept": f"leaves by {ports}", "controller": "to the controller"}.get(o.verdict, "dropped")
    yield f"{word}: {o.reason}" if o.reason else word
    if o.probability < 1:
        yield f"{100 * o.probability:.3g} %"
