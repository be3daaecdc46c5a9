"""Pods' packets are accepted before network policies are asked.

Why: a rule of FORWARD above the jump to the policy chains ends the walk. Connections that fit it are open whatever the
NetworkPolicies say; those to services are typical, because kube-proxy marks them and accepts what it marked.

Fix: put the jump to the policy chains first (Calico: `ChainInsertMode: Insert`), or restart the network plugin.

Sure: it is certain that the rules above accept the packet named; whether one is marked like that before depends on the
other tables, so this is a suspicion.

Example:

    *filter
    :FORWARD ACCEPT [0:0]
    :KUBE-FORWARD - [0:0]
    :cali-FORWARD - [0:0]
    # here
    -A FORWARD -j KUBE-FORWARD
    -A FORWARD -j cali-FORWARD
    -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
    -A cali-FORWARD -i cali+ -j DROP
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.bits import any_of
from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, Related, suspicion
from ruleparse.lint.first_packets import FirstPackets
from ruleparse.lint.ruleset import Rules

_POLICY = {"cali-FORWARD": ("in", "out"), "WEAVE-NPC": ("out",), "KUBE-ROUTER-FORWARD": ("in", "out")}
"""The chains that ask policies, and which way packets go that they are about."""
_PODS = {"cali-FORWARD": ["cali+"], "WEAVE-NPC": ["weave"], "KUBE-ROUTER-FORWARD": ["kube-bridge"]}
"""How pods' interfaces are called, unless the rules say otherwise."""


def find(rules: Rules) -> Iterator[Finding]:
    table = rules.table("filter")
    forward = table.rules("FORWARD")
    for chain, ways in _POLICY.items():
        jump = next((here for here in forward if here.target == chain), None)
        if jump is None or jump.number == 1:
            continue
        pods = [
            name for here in table.rules(chain) if "-wl-dispatch" in here.target if (name := here.value("-i", "-o"))
        ]
        try:
            packets = FirstPackets(rules, "FORWARD", mark=None)
            of_pods = any_of(packets.through(way, name) for way in ways for name in pods or _PODS[chain])
            region = packets.accepted("filter", "FORWARD", before=jump.number, among=of_pods)
            if region is False:
                continue
            accepting = next(h for h in forward if _accepts(packets, h, of_pods))
        except MemoryError:
            continue
        message = f"a pod's packet is accepted before {chain} is asked: {packets.witness(region)}"
        yield suspicion(message, accepting.words.span, Related(jump.words.span, "policies are asked here"))


def _accepts(packets: FirstPackets, here: Here, of_pods: object) -> bool:
    return packets.accepted("filter", "FORWARD", before=here.number + 1, among=of_pods) is not False  # type: ignore[arg-type]


RULE = LintRule("policy-bypassed", "warning", find)
