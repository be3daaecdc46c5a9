"""One picture of a node: what is asked for, small enough to look at."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ruleparse.cni.flow_names import FlowNames
from ruleparse.cni.names import Names
from ruleparse.drawing.bridge import bridge
from ruleparse.drawing.chains import chains, name_chains
from ruleparse.drawing.folding import folded
from ruleparse.graph import near
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.openflow.program import BridgeProgram
from ruleparse.snapshot import Snapshot

if TYPE_CHECKING:
    from ruleparse.graph import Graph


class NoSuchThing(Exception):
    """Nothing of that name is in the dumps; the message says so."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to draw: around `focus`, `depth` steps far; `whole` where nothing may be folded or left out."""

    focus: str | None = None
    depth: int | None = None
    family: int | None = None
    bridge: str | None = None
    whole: bool = False


def picture(snapshot: Snapshot, wanted: Wanted) -> Graph:
    """The chains of one family, or the tables of a bridge. Raises NoSuchThing."""
    if wanted.bridge is not None or not snapshot.families:
        return _of_bridge(snapshot, wanted)
    family = wanted.family or snapshot.families[0]
    if family not in snapshot.families:
        raise NoSuchThing(f"there are no IPv{family} rules among the dumps")
    program = snapshot.program(family)
    graph = chains(program, whole=wanted.whole)
    focus: list[str] = []
    if wanted.focus is not None:
        focus = _focus(program, graph, wanted.focus)
        graph = near(graph, focus, wanted.depth)
    graph = _folded(graph, wanted, focus)
    name_chains(graph, program)
    if wanted.family is None and len(snapshot.families) > 1:
        _note(graph, "IPv4 only: --family 6 draws the other")
    if snapshot.bridges is not None and snapshot.bridges.flows:
        _note(graph, "the rules only: --bridge NAME draws the tables of a bridge")
    return graph


def _of_bridge(snapshot: Snapshot, wanted: Wanted) -> Graph:
    program = snapshot.bridge(wanted.bridge)
    if program is None:
        raise NoSuchThing("there are no flows among the dumps: save `ovs-ofctl dump-flows BRIDGE` and give its file")
    graph = bridge(program)
    focus: list[str] = []
    if wanted.focus is not None:
        focus = _flow_focus(program, graph, wanted.focus)
        graph = near(graph, focus, wanted.depth)
    return _folded(graph, wanted, focus)


def _focus(program: NetfilterProgram, graph: Graph, name: str) -> list[str]:
    """The chains that a name means: their own, or that of a service, pod or policy."""
    found = [node for node, data in graph.nodes(data=True) if name in (node, data["label"])]
    found = found or [node for node in Names.of(program).chains_of(name) if node in graph]
    if not found:
        raise NoSuchThing(f"there is no chain, service, pod or policy {name}")
    return found


def _flow_focus(program: BridgeProgram, graph: Graph, name: str) -> list[str]:
    names = FlowNames.of(program)
    called = [f"table {table}" for table in program.order if name in (table, names.table(table))]
    found = [node for node in (name, *called) if node in graph]
    if not found:
        raise NoSuchThing(f"there is no table or group {name}; groups are called `group 7`")
    return found


def _folded(graph: Graph, wanted: Wanted, keep: Collection[str]) -> Graph:
    if wanted.whole:
        return graph
    smaller = folded(graph, keep)
    several = [data for _, data in smaller.nodes(data=True) if "chains" in data]
    if several:
        count = sum(data["chains"] for data in several)
        what = several[0].get("unit", "chain")
        _note(smaller, f"{count:,} {what}s are drawn as {len(several)} boxes; --focus NAME shows one, --all each")
    return smaller


def _note(graph: Graph, text: str) -> None:
    graph.graph["note"] = "; ".join(filter(None, [graph.graph.get("note"), text]))
