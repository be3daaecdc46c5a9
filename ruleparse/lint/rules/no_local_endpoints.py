"""A service drops what comes from outside, because this node has none of its endpoints.

Why: with `externalTrafficPolicy: Local` (or `internalTrafficPolicy: Local`) a node sends packets only to endpoints of
its own. That is meant, as long as a load balancer asks the node's health check and sends nothing here. Where something
else sends packets to this node (a fixed list of nodes, a client's own routes) they vanish.

Fix: run an endpoint on this node, have the load balancer ask the health check, or use the policy Cluster.

Sure: certain: kube-proxy says so in a comment. It is a note, because it is meant where a load balancer asks.

Example:

    *filter
    :INPUT ACCEPT [0:0]
    :KUBE-EXTERNAL-SERVICES - [0:0]
    -A INPUT -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
    # here
    -A KUBE-EXTERNAL-SERVICES -d 203.0.113.12/32 -p tcp -m comment --comment "shop/web:http has no local endpoints" -m tcp --dport 80 -j DROP
    COMMIT
"""  # noqa: E501

from __future__ import annotations

import re
from collections.abc import Iterator

from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, error
from ruleparse.lint.ruleset import Rules

_SAID = re.compile(r"(\S+) has no local endpoints").fullmatch


def find(rules: Rules) -> Iterator[Finding]:
    table = rules.table("filter")
    told: set[str] = set()
    for chain in ("KUBE-EXTERNAL-SERVICES", "KUBE-SERVICES", "KUBE-PROXY-FIREWALL"):
        for here in table.rules(chain) if chain in table.hooks else ():
            service = _service(here) if here.target == "DROP" else None
            if service and service not in told:
                told.add(service)
                where = here.value("-d") or "a node port"
                message = f"packets to service {service} at {where} are dropped: this node has no endpoint of it"
                yield error(message, here.words.span)


def _service(here: Here) -> str | None:
    return next((found[1] for comment in here.words.comments() if (found := _SAID(comment))), None)


RULE = LintRule("no-local-endpoints", "note", find)
