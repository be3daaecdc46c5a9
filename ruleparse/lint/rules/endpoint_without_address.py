"""A service sends packets to an endpoint's chain that does not say where the endpoint is.

Why: the chain has no DNAT, so that packets go on to the address of the service, which nobody has. One of n connections
to the service fails.

Fix: restart kube-proxy, which writes all rules anew.

Sure: certain: the chain is called, and none of its rules translates.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    # here
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA ! -s 10.244.0.0/16 -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Rules, chain_span


def find(rules: Rules) -> Iterator[Finding]:
    nat = rules.table("nat")
    for chain in nat.saved.starting("KUBE-SEP-"):
        callers = nat.callers.get(chain)
        if callers and not any(here.target == "DNAT" for here in nat.rules(chain)):
            service = rules.services.of_chain(chain)
            whose = f" of {service}" if service else ""
            called = Related(callers[0].words.span, "packets come from here")
            yield error(f"endpoint chain {chain}{whose} has no address", chain_span(nat.chains[chain]), called)


RULE = LintRule("endpoint-without-address", "error", find)
