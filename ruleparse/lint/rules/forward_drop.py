"""FORWARD drops or refuses what no rule accepts before, and no rule accepts pods' connections.

Why: packets from and to pods are forwarded. Docker sets the policy DROP when it starts and accepts its own bridge only;
kube-proxy accepts no more than replies and what it masquerades. Host firewalls end FORWARD with a REJECT, in front of
what the network plugin appends. Nothing works that crosses nodes, or leaves them.

Fix: `iptables -P FORWARD ACCEPT`, or have the network plugin accept its pods (flannel from 0.18 does).

Sure: certain for the endpoints of services: all first packets of connections to them, or from them, were walked through
FORWARD. Those of the API server and this node's own addresses are left out, because packets to them are not forwarded.
Plugins that forward by eBPF or Open vSwitch do not need FORWARD, so where they are nothing is said.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:80
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    COMMIT
    *filter
    # here
    :FORWARD DROP [0:0]
    :KUBE-FORWARD - [0:0]
    -A FORWARD -j KUBE-FORWARD
    -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
    -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
    -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.bits import all_of, negate
from ruleparse.lint.finding import Finding, LintRule, error
from ruleparse.lint.first_packets import FirstPackets
from ruleparse.lint.ruleset import Rules, chain_span, is_plain
from ruleparse.netfilter.save import Chain
from ruleparse.text import Span

_ELSEWHERE = ("CILIUM_*", "OVN-KUBE-*", "OPENSHIFT-*")
"""Their pods' packets do not need a rule here, or get one by other means."""
_NOT_OF_PODS = ("docker0", "br-+", "virbr+", "lo")
_DIRECTIONS = {"dst": "to", "src": "from"}


def find(rules: Rules) -> Iterator[Finding]:
    chain = rules.table("filter").chains.get("FORWARD")
    elsewhere = any(map(rules.saved.has_chain, _ELSEWHERE))
    endpoints = list(pods_of_services(rules))
    end = None if chain is None else _end(rules, chain)
    if end is None or elsewhere or not endpoints:
        return
    packets = FirstPackets(rules, "FORWARD")
    pods = all_of(negate(packets.through(f, name)) for f in ("in", "out") for name in _NOT_OF_PODS)
    for field, way in _DIRECTIONS.items():
        try:
            region = all_of([pods, packets.among(field, endpoints)])
            if packets.accepted("filter", "FORWARD", among=region) is False:
                message = f"FORWARD drops what no rule accepts, and none accepts a connection {way} a pod"
                yield error(f"{message}: {packets.witness(region)}", end)
                return
        except MemoryError:
            return


def _end(rules: Rules, chain: Chain) -> Span | None:
    """What drops all that is left: a rule without conditions, or the policy."""
    forward = rules.table("filter").rules("FORWARD")
    catch_all = next((here for here in forward if here.target in ("DROP", "REJECT") and is_plain(here)), None)
    if catch_all is not None:
        return catch_all.words.span
    return chain_span(chain) if chain.policy == "DROP" else None


def pods_of_services(rules: Rules) -> Iterator[int]:
    """Addresses of endpoints, without this node's own and the API server's, which are in the hosts' network."""
    own = {a.value for interface in rules.snapshot.routing.interfaces for a in interface.addresses}
    for address, chains in rules.services.pods.items():
        names = [rules.services.of_chain(chain) or "" for chain in chains]
        if address >= 0 and address not in own and not any(name.startswith("default/kubernetes") for name in names):
            yield address


RULE = LintRule("forward-drop", "error", find)
