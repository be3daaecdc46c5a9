"""No service leads to an endpoint's chain.

Why: the endpoint gets no packets from here. Its service's rule was lost, which shifts the odds of the others, or
kube-proxy did not clean up.

Fix: restart kube-proxy, which writes all rules anew.

Sure: it is certain that nothing leads there. In large clusters kube-proxy removes chains that are not used any more
some time later, so this is a suspicion.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-MARK-MASQ - [0:0]
    # here
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -m comment --comment "shop/web" -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m comment --comment "shop/web" -m tcp -j DNAT --to-destination 10.244.1.2:80
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, suspicion
from ruleparse.lint.ruleset import Rules, chain_span


def find(rules: Rules) -> Iterator[Finding]:
    nat = rules.table("nat")
    for chain in nat.saved.starting("KUBE-SEP-"):
        if chain not in nat.callers and nat.chains[chain].stretches:
            service, where = rules.services.of_chain(chain), rules.services.endpoint(chain)
            what = f"endpoint {where or chain}" + (f" of {service}" if service else "")
            yield suspicion(f"no rule leads to {what}", chain_span(nat.chains[chain]))


RULE = LintRule("orphan-endpoint", "warning", find)
