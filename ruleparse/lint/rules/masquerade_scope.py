"""kube-proxy takes the pods for strangers: the range that it knows as theirs holds none of them.

Why: kube-proxy masquerades what comes to a service from outside the pods' range (`--cluster-cidr`). With a wrong range
pods lose their source address on the way to every service: the other side sees a node, network policies refuse what
they should let through or let through what they should refuse, and logs are useless. Without any range nothing that
comes from outside is masqueraded, and answers take other ways; with `--masquerade-all` everything is.

Fix: give kube-proxy the range that pods get their addresses from.

Sure: it is certain that of several endpoints none is in the range; whether they are pods is not, so this is a
suspicion. No range at all, and masquerading everything, may be meant: notes.

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
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment "shop/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    # here
    -A KUBE-SVC-AAAAAAAAAAAAAAAA ! -s 10.42.0.0/16 -d 10.96.0.9/32 -p tcp -m comment --comment "shop/web cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-BBBBBBBBBBBBBBBB
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:80
    -A KUBE-SEP-BBBBBBBBBBBBBBBB -s 10.244.1.3/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-BBBBBBBBBBBBBBBB -p tcp -m tcp -j DNAT --to-destination 10.244.1.3:80
    COMMIT
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ruleparse.cni.saved import Here
from ruleparse.codec import prefix, show_address
from ruleparse.lint.finding import Finding, LintRule, suspicion
from ruleparse.lint.rules.forward_drop import pods_of_services
from ruleparse.lint.ruleset import Rules

_SEVERAL = 2


def find(rules: Rules) -> Iterator[Finding]:
    nat = rules.table("nat")
    marks = [h for h in nat.callers.get("KUBE-MARK-MASQ", ()) if h.chain.startswith(("KUBE-SVC-", "KUBE-SERVICES"))]
    of_cluster = sorted((here for here in marks if here.value("-d")), key=lambda here: here.words.span.start)
    ranged = [here for here in of_cluster if (source := here.option("-s")) and source.negated]
    services = [h for c in nat.saved.starting("KUBE-SVC-") for h in nat.callers.get(c, ()) if h.chain in nat.hooks]
    if not services:
        return
    if ranged:
        yield from _strangers(rules, ranged[0])
    elif of_cluster:
        message = "what comes to a service is masqueraded whoever sent it: network policies see the node as its source"
        yield replace(suspicion(message, of_cluster[0].words.span), severity="note")
    else:
        message = "kube-proxy knows no range of pods: what comes to a cluster IP from elsewhere is not masqueraded"
        yield replace(suspicion(message, services[0].words.span), severity="note")


def _strangers(rules: Rules, here: Here) -> Iterator[Finding]:
    try:
        known = here.words.first("-s") or ""
        pods = prefix(known)
    except ValueError:
        return
    endpoints = sorted(pods_of_services(rules))
    if len(endpoints) >= _SEVERAL and not any(one & pods.mask == pods.value for one in endpoints):
        some = ", ".join(show_address(one, rules.family) for one in endpoints[:3])
        message = f"none of {len(endpoints)} endpoints is in {known}, kube-proxy's range of pods: {some}"
        yield suspicion(message, here.words.option_span(here.option("-s")))  # type: ignore[arg-type]


RULE = LintRule("masquerade-scope", "warning", find)
