"""A service's chain has no endpoint to go to.

Why: kube-proxy refuses packets to a service without endpoints by a rule of its own in table filter. A chain that leads
nowhere leaves them as they are: they are sent to the cluster IP itself, which nobody has, or loop.

Fix: restart kube-proxy, which writes all rules anew.

Sure: certain: the chain is called and none of its rules leads to an endpoint or drops the packet.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    # here
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Rules, chain_span

_ONWARD = ("KUBE-SEP-", "KUBE-SVC-", "KUBE-SVL-", "KUBE-MARK-DROP", "DROP", "DNAT")


def find(rules: Rules) -> Iterator[Finding]:
    nat = rules.table("nat")
    for chain in nat.saved.starting("KUBE-SVC-", "KUBE-SVL-"):
        callers = nat.callers.get(chain, [])
        if refused(rules, callers):
            continue
        if callers and not any(here.target.startswith(_ONWARD) for here in nat.rules(chain)):
            service = rules.services.of_chain(chain)
            what = f"service {service}" if service else chain
            called = Related(callers[0].words.span, "packets come from here")
            yield error(f"{what} has no endpoint to go to", chain_span(nat.chains[chain]), called)


def refused(rules: Rules, callers: list[Here]) -> bool:
    """Whether table filter refuses what would come here: kube-proxy before 1.9 keeps the chain of such a service."""
    filtered = [here.value("-d") for here in rules.table("filter").rules("KUBE-SERVICES") if here.target == "REJECT"]
    return bool(callers) and all(here.value("-d") in filtered for here in callers if here.value("-d"))


RULE = LintRule("empty-service", "error", find)
