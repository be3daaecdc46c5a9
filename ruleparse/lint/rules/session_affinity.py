"""A service with affinity does not keep its clients to their endpoints.

Why: kube-proxy remembers a client in a list of each endpoint (`-m recent --set`), and asks these lists before it
chooses at random (`--rcheck`). A list that is asked behind the choice, or that belongs to another endpoint, is of no
use: clients are sent elsewhere with each connection.

Fix: restart kube-proxy, which writes all rules anew.

Sure: certain: the rules of a chain were read in their order, and the name of each list is that of its endpoint's chain.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-BBBBBBBBBBBBBBBB - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA ! -s 10.244.0.0/16 -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-AAAAAAAAAAAAAAAA --mask 255.255.255.255 --rsource -j KUBE-SEP-AAAAAAAAAAAAAAAA
    # here
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-AAAAAAAAAAAAAAAA --mask 255.255.255.255 --rsource -j KUBE-SEP-BBBBBBBBBBBBBBBB
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-BBBBBBBBBBBBBBBB
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m recent --set --name KUBE-SEP-AAAAAAAAAAAAAAAA --mask 255.255.255.255 --rsource -m tcp -j DNAT --to-destination 10.244.1.2:80
    -A KUBE-SEP-BBBBBBBBBBBBBBBB -s 10.244.1.3/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-BBBBBBBBBBBBBBBB -p tcp -m recent --set --name KUBE-SEP-BBBBBBBBBBBBBBBB --mask 255.255.255.255 --rsource -m tcp -j DNAT --to-destination 10.244.1.3:80
    COMMIT
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Rules


def find(rules: Rules) -> Iterator[Finding]:
    nat = rules.table("nat")
    for chain in nat.saved.starting("KUBE-SVC-", "KUBE-SVL-"):
        if "--rcheck" not in nat.saved.text(chain):
            continue
        chooses = None
        for here in nat.rules(chain):
            if not here.option("--rcheck"):
                chooses = here if here.target.startswith("KUBE-SEP-") and chooses is None else chooses
            elif chooses is not None:
                chosen = Related(chooses.words.span, "chooses before")
                yield error(f"the list of {here.target} is asked too late", here.words.span, chosen)
            elif here.value("--name") != here.target:
                name = here.option("--name")
                span = here.words.option_span(name) if name else here.words.span
                message = f"clients of one endpoint are sent to another: this list is not that of {here.target}"
                yield error(message, span)


RULE = LintRule("session-affinity", "error", find)
