"""Chains of an older kube-proxy are left beside those of the new one.

Why: kube-proxy up to 1.23 calls the chains of external traffic KUBE-XLB-…, later KUBE-EXT-…. A node that was updated in
place keeps the old ones, which refer to chains of endpoints. As soon as one of these is deleted the kernel refuses
(`Device or resource busy`), and kube-proxy cannot change any rule any more.

Fix: restart the node, or flush and delete the chains KUBE-XLB-….

Sure: certain that both are there. Whether it fails depends on what happens to the endpoints, so this is a suspicion.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-EXT-AAAAAAAAAAAAAAAA - [0:0]
    # here
    :KUBE-XLB-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-SERVICES -d 203.0.113.9/32 -p tcp -m tcp --dport 80 -j KUBE-EXT-AAAAAAAAAAAAAAAA
    -A KUBE-EXT-AAAAAAAAAAAAAAAA -j KUBE-MARK-MASQ
    -A KUBE-EXT-AAAAAAAAAAAAAAAA -j KUBE-SVC-AAAAAAAAAAAAAAAA
    -A KUBE-SERVICES -d 203.0.113.8/32 -p tcp -m tcp --dport 80 -j KUBE-XLB-AAAAAAAAAAAAAAAA
    -A KUBE-XLB-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA ! -s 10.244.0.0/16 -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:80
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, Related, suspicion
from ruleparse.lint.ruleset import Rules, chain_span


def find(rules: Rules) -> Iterator[Finding]:
    nat = rules.table("nat")
    old, new = (list(nat.saved.starting(prefix)) for prefix in ("KUBE-XLB-", "KUBE-EXT-"))
    if old and new:
        count = f"{len(old)} chains KUBE-XLB-… are" if len(old) > 1 else "a chain KUBE-XLB-… is"
        message = f"{count} left over from an older kube-proxy, beside KUBE-EXT-…"
        newer = Related(chain_span(nat.chains[new[0]]), "the new one's")
        yield suspicion(message, chain_span(nat.chains[old[0]]), newer)


RULE = LintRule("kube-xlb-left-over", "warning", find)
