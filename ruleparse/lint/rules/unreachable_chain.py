"""No rule leads to a chain that has rules.

Why: none of its rules is ever looked at. Often it is left over from another program or version; or the jump to it was
lost, and what it should do (a network policy, a service) is not done.

Fix: add the jump that is missing, or remove the chain (`iptables -F NAME; iptables -X NAME`).

Sure: certain, for the moment of the dump. Left alone are chains that programs make whether they use them or not
(KUBE-MARK-DROP, ufw-logging-allow), and dumps in which no chain of the kernel's has rules: they are part of something.

Example:

    *filter
    :FORWARD ACCEPT [0:0]
    # here
    :WEB - [0:0]
    -A FORWARD -s 192.0.2.0/24 -j DROP
    -A WEB -p tcp -m tcp --dport 80 -j ACCEPT
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Chains, Rules, chain_span

_KEPT_FOR_LATER = ("KUBE-MARK-", "ufw-", "ufw6-", "zone_", "logdrop", "logreject", "KUBE-SEP-")
"""What kubelet, ufw, OpenWrt and Shorewall make whether it is used or not; of endpoints orphan-endpoint tells."""


def find(rules: Rules) -> Iterator[Finding]:
    if not rules.entered:
        return
    for table in (t for t in rules.tables.values() if t.built_in):
        lost = {c for c in table.chains if c not in table.hooks and table.chains[c].stretches}
        for chain in sorted(heads(table, lost), key=list(table.chains).index):
            if not chain.startswith(_KEPT_FOR_LATER):
                others = (other for other in table.below([chain]) & lost if other != chain)
                related = (Related(chain_span(table.chains[o]), f"only {chain} leads to {o}") for o in sorted(others))
                message = f"no rule of table {table.name} leads to chain {chain}"
                yield error(message, chain_span(table.chains[chain]), *list(related)[:5])


def heads(table: Chains, lost: set[str]) -> set[str]:
    """Those of some unreachable chains that no other one of them leads to; one of each loop."""
    found, covered = set(), set[str]()
    called = {target for chain in lost for target in table.called.get(chain, ()) if target != chain}
    for chain in (*sorted(lost - called), *sorted(lost & called)):
        if chain not in covered:
            found.add(chain)
            covered |= table.below([chain])
    return found


RULE = LintRule("unreachable-chain", "warning", find)
