"""The chains of one family as a graph for people: hooks, chains, what leads from one to the other and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from ruleparse.cni.names import Names
from ruleparse.graph import graph_of, without
from ruleparse.netfilter.in_short import in_short
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.netfilter.save import BUILT_IN
from ruleparse.program import Rule

if TYPE_CHECKING:
    from ruleparse.graph import Graph

HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_KERNEL = ("ip rule", "ip route")
_BEGUN = " begun"


def chains(program: NetfilterProgram, walked: Iterable[str] | None = None, *, whole: bool = False) -> Graph:
    """Every chain and the kernel's hooks, or only chains that were `walked` and what they lead to; `whole`: the
    kernel's own steps, too.

    Nodes carry `group`, `label`, `rules`, `base`, `cluster`, `means`; edges `kind`, `rule`, `line`, `text`, `when`.
    """

    def when(rule: Rule) -> str:
        words = program.syntax(rule)
        return "" if words is None else in_short(words)

    graph = graph_of(program, None if walked is None else [*_steps(program), *walked], when)
    _complete(graph, program)
    if not whole:
        graph = without(graph, [node for node, data in graph.nodes(data=True) if _is_hidden(node, data["group"])])
        _number_hooks(graph)
    for node, data in graph.nodes(data=True):
        data["cluster"] = _cluster(node, data["group"], data["label"])
        data["means"] = ""
    return graph


def name_chains(graph: Graph, program: NetfilterProgram) -> None:
    """Say what each chain is for."""
    names = Names.of(program)
    for _, data in graph.nodes(data=True):
        if data["group"] and data.get("chains", 1) == 1:
            data["means"] = names.chain(data["group"], data["label"]) or ""


def _steps(program: NetfilterProgram) -> Iterator[str]:
    """The kernel's own tables."""
    return (name for name in program if name not in program.chains)


def _complete(graph: Graph, program: NetfilterProgram) -> None:
    """Chains that were not walked have their names at least."""
    saved = program.chains
    for node, data in graph.nodes(data=True):
        if not data:
            chain = saved.get(node)
            label = chain.name if chain is not None else node
            group = node.removesuffix(label).split()[-1:] if chain is not None else []
            data.update(group=group[0] if group else "", label=label, rules=None, base=False)


def _is_hidden(node: str, group: str) -> bool:
    return (not group and node not in HOOKS) or group in _KERNEL or node.endswith(_BEGUN)


def _number_hooks(graph: Graph) -> None:
    """In which order a hook calls its chains."""
    for hook in HOOKS:
        if hook in graph:
            numbers = count(1)
            for _, _, data in graph.out_edges(hook, data=True):
                if data["kind"] == "call":
                    data["rule"] = next(numbers)


def _cluster(node: str, group: str, label: str) -> str:
    if node in HOOKS or label in BUILT_IN.get(group, ()):
        return f"hook {label}"
    return f"table {group}" if group and group not in _KERNEL else group
