"""An endpoint that asks its own service gets no answer.

Why: kube-proxy masks the source of such a packet (`-s ENDPOINT -j KUBE-MARK-MASQ`). Without that rule the endpoint
receives a packet from its own address, which it drops.

Fix: restart kube-proxy, which writes all rules anew.

Sure: certain: the chain was read, and no rule before its DNAT marks packets of that address.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    # here
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:80
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, error
from ruleparse.lint.ruleset import Rules


def find(rules: Rules) -> Iterator[Finding]:
    nat = rules.table("nat")
    for chain in nat.saved.starting("KUBE-SEP-"):
        marked: set[str | None] = set()
        for here in nat.rules(chain):
            if here.target == "KUBE-MARK-MASQ":
                marked.add(here.value("-s"))
            elif here.target == "DNAT":
                address = (here.value("--to-destination") or "").rpartition(":")[0].strip("[]")
                if address and not marked & {address, None}:
                    message = f"packets of {address} to its own service keep their source: no KUBE-MARK-MASQ before"
                    fix = f"-A {chain} -s {address} -j KUBE-MARK-MASQ"
                    yield error(message, here.words.span, fix=fix)


RULE = LintRule("missing-hairpin", "error", find)
