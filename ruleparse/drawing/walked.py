"""The way of a packet as a graph: the chains or tables it met, what they could have led to, and how it ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from ruleparse.drawing.bridge import TABLE, bridge
from ruleparse.drawing.chains import HOOKS, chains, name_chains
from ruleparse.drawing.folding import folded
from ruleparse.journey import WholeAnswer, WholeOutcome
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.openflow.program import BridgeProgram
from ruleparse.snapshot import Snapshot
from ruleparse.why import Answer, Outcome, Place, Step
from ruleparse.why_bridge import BridgeAnswer, BridgeOutcome, FlowStep, bridge_of

if TYPE_CHECKING:
    from ruleparse.graph import Graph

MOST_BOXES = 60


def walked(snapshot: Snapshot, answer: Answer | BridgeAnswer | WholeAnswer) -> Graph:
    """What was met is marked `walked`, in nodes and edges; each fate is a node with its verdict as `fate`."""
    if isinstance(answer, Answer):
        graph = _through_chains(snapshot.program(answer.family), [list(o.steps) for o in answer.outcomes])
        _end_all(graph, _fates(answer.outcomes))
    elif isinstance(answer, BridgeAnswer):
        graph = _through_tables(bridge_of(snapshot, answer.asked), [list(o.steps) for o in answer.outcomes])
        _end_all(graph, [(_last_table(o.steps), o.verdict, "\t".join(_said(o))) for o in answer.outcomes])
    else:
        graph = _through_both(snapshot, answer)
    return graph


def _through_chains(program: NetfilterProgram, walks: Sequence[Sequence[Step]]) -> Graph:
    places = [(step.hook, step.place) for steps in walks for step in steps]
    met = {name: None for _, place in places if (name := _node(place)) in program}
    hooks = {hook for hook, _ in places}
    graph = _near(chains(program, met), {*met, *hooks})
    for steps in walks:
        _mark_chains(graph, steps)
    graph = folded(graph, {*met, *hooks}, MOST_BOXES)
    name_chains(graph, program)
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


def _mark_chains(graph: Graph, walk: Sequence[Step]) -> None:
    steps = [(step.hook, _node(step.place), step.place) for step in walk]
    _mark_nodes(graph, {name for hook, node, _ in steps for name in (hook, node)})
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


def _end_all(graph: Graph, fates: Iterable[Fate]) -> None:
    for number, (source, fate, words) in enumerate(fates, 1):
        _end(graph, number, source, fate, words)


def _end(graph: Graph, number: int, source: str, fate: str, words: str) -> None:
    label, _, odds = words.partition("\t")
    node = f"fate {number}"
    graph.add_node(node, group="", label=label, rules=None, base=False, cluster="", means=odds, fate=fate, walked=True)
    if source in graph:
        graph.add_edge(source, node, kind="end", rule=None, line=None, text="", when="", walked=True)


# Bridges


def _through_tables(program: BridgeProgram, walks: Sequence[Sequence[FlowStep]]) -> Graph:
    steps = [step for walk in walks for step in walk]
    met = {f"{TABLE}{step.table}" for step in steps}
    graph = bridge(program, dict.fromkeys(step.table for step in steps))
    _mark_nodes(graph, met)
    lines = {(f"{TABLE}{step.table}", step.line) for step in steps}
    for source, target, data in graph.edges(data=True):
        if (source, data["line"]) in lines and (target in met or data["kind"] == "group"):
            data["walked"] = True
            _mark_nodes(graph, [target])
    return folded(graph, met, MOST_BOXES)


def _last_table(steps: Sequence[FlowStep]) -> str:
    return f"{TABLE}{steps[-1].table}" if steps else ""


def _said(o: BridgeOutcome) -> Iterator[str]:
    ports = ", ".join(f"port {e.port} ({e.name})" if e.port is not None else str(e.name) for e in o.egress)
    word = {"accept": f"leaves by {ports}", "controller": "to the controller"}.get(o.verdict, "dropped")
    yield f"{word}: {o.reason}" if o.reason else word
    if o.probability < 1:
        yield f"{100 * o.probability:.3g} %"


# Both


def _through_both(snapshot: Snapshot, answer: WholeAnswer) -> Graph:
    """Chains and tables, and where the packet crosses from one to the other."""
    import networkx

    family = 6 if ":" in str(answer.packet.get("src") or answer.packet.get("dst")) else 4
    of_host = [[step for step in o.steps if isinstance(step, Step)] for o in answer.outcomes]
    parts = [_through_chains(snapshot.program(family), of_host)]
    in_bridges = [step for o in answer.outcomes for step in o.steps if isinstance(step, FlowStep)]
    for name in dict.fromkeys(step.bridge for step in in_bridges):
        program = snapshot.bridge(name)
        if program is not None:
            inside = _through_tables(program, [[step for step in in_bridges if step.bridge == name]])
            parts.append(networkx.relabel_nodes(inside, {node: f"{name} {node}" for node in inside}))
    graph: Graph = networkx.compose_all(parts)
    for outcome in answer.outcomes:
        for one, other in pairwise(outcome.steps):
            if type(one) is not type(other):
                _cross(graph, _spot(one), _spot(other))
    fates = [(_spot(o.steps[-1]) if o.steps else "", o.verdict, "\t".join(_of_whole(o))) for o in answer.outcomes]
    _end_all(graph, dict.fromkeys(fates))
    return graph


def _spot(step: Step | FlowStep) -> str:
    return step.hook if isinstance(step, Step) else f"{step.bridge} {TABLE}{step.table}"


def _cross(graph: Graph, source: str, target: str) -> None:
    if source in graph and target in graph and not graph.has_edge(source, target, "crosses"):
        more = {"rule": None, "line": None, "text": "", "when": "crosses", "walked": True}
        graph.add_edge(source, target, "crosses", kind="crosses", **more)


def _of_whole(o: WholeOutcome) -> Iterator[str]:
    places = ", ".join(str(e.name) for e in o.ends)
    word = f"leaves by {places}" if o.verdict == "accept" else "dropped" if o.verdict == "drop" else o.verdict
    yield f"{word}: {o.reason}" if o.reason else word
    if o.probability < 1:
        yield f"{100 * o.probability:.3g} %"
