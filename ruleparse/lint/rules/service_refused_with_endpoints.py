"""A service is refused for having no endpoints, though it has some.

Why: table nat sends the packet to an endpoint, and table filter holds a rule that refuses packets to the service's
address because it had none: one of the two is old. Which of them counts depends on which hook comes first.

Fix: restart kube-proxy, which writes all rules anew; look for a second kube-proxy, or one of another mode.

Sure: certain: the address, protocol and port are the same in both.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment "shop/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:80
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    COMMIT
    *filter
    :OUTPUT ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    -A OUTPUT -j KUBE-SERVICES
    # here
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment "shop/web has no endpoints" -m tcp --dport 80 -j REJECT
    COMMIT
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Rules

Portal = tuple[str | None, ...]


def find(rules: Rules) -> Iterator[Finding]:
    served = {portal(here): here for here in rules.table("nat").rules("KUBE-SERVICES") if leads_on(here)}
    for chain in ("KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES"):
        for here in rules.table("filter").rules(chain):
            refused = here.target in ("REJECT", "DROP") and "has no endpoints" in here.text
            other = served.get(portal(here)) if refused and here.value("-d") else None
            if other is not None and (endpoints := rules.services.endpoints(other.target)):
                some = ", ".join(e.address for e in endpoints[:3]) + (" …" if len(endpoints) > 3 else "")
                message = f"{here.value('-d')} is refused for having no endpoints, and has {some}"
                yield error(message, here.words.span, Related(other.words.span, "sent to its endpoints here"))


def portal(here: Here) -> Portal:
    return here.value("-d"), here.value("-p"), here.value("--dport")


def leads_on(here: Here) -> bool:
    return here.target.startswith(("KUBE-SVC-", "KUBE-SVL-"))


RULE = LintRule("service-refused-with-endpoints", "error", find)
