"""A pod's interface is there, and no Calico chain is for it.

Why: Calico drops what comes from an interface that it does not know ("Unknown interface"), so the pod can talk to
nobody. Felix has not programmed it, or its rules were lost (iptables 1.8.4 did so).

Fix: restart calico-node on this node; look in its log for iptables-restore failures.

Sure: the route and the chains are of these dumps, so it is certain for their moment; within seconds of the pod's start
it is as it should be, so this is a suspicion.

Example:

    *filter
    # here
    :FORWARD ACCEPT [0:0]
    :cali-FORWARD - [0:0]
    :cali-to-wl-dispatch - [0:0]
    -A FORWARD -j cali-FORWARD
    -A cali-FORWARD -o cali+ -j cali-to-wl-dispatch
    -A cali-to-wl-dispatch -j DROP
    COMMIT
    # with another file of the node: 10.244.1.10 dev cali12d4a061371 scope link
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, suspicion
from ruleparse.lint.ruleset import Rules, chain_span


def find(rules: Rules) -> Iterator[Finding]:
    table = rules.table("filter")
    if "cali-to-wl-dispatch" not in table.chains or "FORWARD" not in table.chains:
        return
    routes = (r for r in rules.snapshot.routing.routes.routes if r.family == rules.family)
    pods = sorted({hop.out for route in routes for hop in route.hops if hop.out and hop.out.startswith("cali")})
    for pod in pods:
        missing = [chain for chain in (f"cali-tw-{pod}", f"cali-fw-{pod}") if chain not in table.chains]
        if missing:
            message = f"pod interface {pod} has a route and no chain {' and no chain '.join(missing)}"
            yield suspicion(message, chain_span(table.chains["FORWARD"]))


RULE = LintRule("pod-without-chains", "warning", find)
