"""Calico refuses tunnel packets of a node that this one has routes to.

Why: Calico accepts IPIP packets of nodes in the set cali40all-hosts-net and drops those of others ("IPIP packets from
non-Calico hosts"). To a node that routes lead to by tunl0, and that is not in the set, packets can be sent, and nothing
comes back.

Fix: look whether the node's address is that of its resource Node in Calico (`calicoctl get node -o wide`); restart
calico-node.

Sure: certain for the moment of the dumps: route, set and rule were saved, and the address is not in the set. While a
node joins that may be, so this is a suspicion.

Example:

    *filter
    :INPUT ACCEPT [0:0]
    :cali-INPUT - [0:0]
    -A INPUT -j cali-INPUT
    # here
    -A cali-INPUT -p ipencap -m set --match-set cali40all-hosts-net src -m addrtype --dst-type LOCAL -j ACCEPT
    -A cali-INPUT -p ipencap -j DROP
    COMMIT
    # with another file of the node: 10.244.2.0/24 via 192.168.10.12 dev tunl0 proto bird onlink
    # with a third file of the node: create cali40all-hosts-net hash:net family inet hashsize 1024 maxelem 1048576
    # with a third file of the node: add cali40all-hosts-net 192.168.10.11
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ruleparse.codec import show_address
from ruleparse.lint.finding import Finding, LintRule, Related, suspicion
from ruleparse.lint.ruleset import Rules

_SET, _TUNNEL = "cali40all-hosts-net", "tunl0"


def find(rules: Rules) -> Iterator[Finding]:
    table, sets = rules.table("filter"), rules.snapshot.sets or {}
    hosts = sets.get(_SET)
    accepting = next((here for here in table.rules("cali-INPUT") if here.value("--match-set") == _SET), None)
    if hosts is None or not hosts.saved or accepting is None or "cali-INPUT" not in table.hooks:
        return
    members = "\n".join(stretch.text for stretch in hosts.stretches)
    routes = (route for route in rules.snapshot.routing.routes.routes if route.family == rules.family == 4)
    peers = {hop.gateway for route in routes for hop in route.hops if hop.out == _TUNNEL and hop.gateway}
    for peer in sorted(peers):
        node = show_address(peer, 4)
        if "/" not in members and not re.search(rf"(?<![\d.]){re.escape(node)}(?![\d.])", members):
            related = [Related(hosts.span, "it is not in this set")] if hosts.span else []
            message = f"tunnel packets of node {node} are dropped, and routes lead there"
            yield suspicion(message, accepting.words.span, *related)


RULE = LintRule("tunnel-peer-refused", "warning", find)
