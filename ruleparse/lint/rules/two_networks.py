"""Rules of two network plugins are in force at once.

Why: a node was moved from one plugin to another and not cleaned up. Each accepts, drops and translates for pods of its
own; packets that the new one lets through meet policies of the old one, which nobody keeps up to date any more.

Fix: remove what the old plugin left (its documentation says how), or restart the node.

Sure: certain that packets reach chains of both, who wrote them is told by their names. Pairs that belong together are
left alone (Calico for policies beside flannel or the AWS VPC CNI, Antrea beside the AWS VPC CNI). That both are wanted
cannot be ruled out, so this is a suspicion.

Example:

    *filter
    :FORWARD ACCEPT [0:0]
    :cali-FORWARD - [0:0]
    :WEAVE-NPC - [0:0]
    -A FORWARD -j cali-FORWARD
    # here
    -A FORWARD -o weave -j WEAVE-NPC
    -A cali-FORWARD -i cali+ -j DROP
    -A WEAVE-NPC -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, Related, suspicion
from ruleparse.lint.ruleset import Rules

_PLUGINS = {
    "Calico": "cali-FORWARD",
    "Weave": "WEAVE-NPC",
    "flannel": "FLANNEL-FWD",
    "Antrea": "ANTREA-FORWARD",
    "kube-router": "KUBE-ROUTER-FORWARD",
    "Cilium": "CILIUM_FORWARD",
    "OpenShift SDN": "OPENSHIFT-FIREWALL-FORWARD",
}
"""The chain that each has FORWARD jump to."""
_TOGETHER = ({"Calico", "flannel"},)


def find(rules: Rules) -> Iterator[Finding]:
    table = rules.table("filter")
    jumps = {p: jump for p, chain in _PLUGINS.items() if (jump := _jump(table.rules("FORWARD"), chain))}
    for one, other in combinations(jumps, 2):
        if {one, other} not in _TOGETHER:
            first, second = sorted((jumps[one], jumps[other]), key=lambda here: here.number)
            message = f"rules of {one} and {other} are in force at once"
            yield suspicion(message, second.words.span, Related(first.words.span, "comes before"))


def _jump(forward: tuple[Here, ...], chain: str) -> Here | None:
    return next((here for here in forward if here.target == chain), None)


RULE = LintRule("two-networks", "warning", find)
