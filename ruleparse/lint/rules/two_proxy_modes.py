"""kube-proxy's rules of two modes are in force at once: iptables and IPVS.

Why: kube-proxy was switched to another mode and did not clean up. What is left is not kept up to date any more, so that
services go to endpoints that are gone, or are refused for having none though they have some.

Fix: `kube-proxy --cleanup`, then start it again; or restart the node.

Sure: certain: packets reach chains of services (KUBE-SVC-…) or refusals for services without endpoints, which IPVS mode
never has, and rules that ask the sets of IPVS mode. Which of the two kube-proxy runs in now a dump of rules does not
tell.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT
    # here
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:80
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Rules

_SETS = ("KUBE-CLUSTER-IP", "KUBE-LOOP-BACK", "KUBE-NODE-PORT-TCP")


def find(rules: Rules) -> Iterator[Finding]:
    nat = rules.table("nat")
    services = (h for c in nat.saved.starting("KUBE-SVC-") for h in nat.callers.get(c, ()) if h.chain in nat.hooks)
    of_iptables = next(services, None) or _refusal(rules)
    if of_iptables is None:
        return
    reached = (here for chain in ("KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-NODE-PORT") for here in nat.rules(chain))
    of_ipvs = next((here for here in reached if here.value("--match-set") in _SETS and here.chain in nat.hooks), None)
    if of_ipvs is not None:
        related = Related(of_ipvs.words.span, "IPVS mode asks a set")
        yield error("kube-proxy's rules of two modes are in force: iptables and IPVS", of_iptables.words.span, related)


def _refusal(rules: Rules) -> Here | None:
    """A rule of iptables mode that refuses a service without endpoints; it stays and the service gets some."""
    table = rules.table("filter")
    chains = (chain for chain in ("KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES") if chain in table.hooks)
    return next((here for c in chains for here in table.rules(c) if "has no endpoints" in here.text), None)


RULE = LintRule("two-proxy-modes", "error", find)
