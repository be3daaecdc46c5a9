"""Packets that conntrack holds to be invalid are forwarded with addresses that were not translated.

Why: a packet that comes too late, or out of the window, belongs to no connection for conntrack, so nothing translates
it back: a client gets a packet from a pod's own address in place of the service's, answers with a reset, and the
connection dies. kube-proxy from 1.15 on drops such packets in KUBE-FORWARD; later it may have the kernel be liberal
(`nf_conntrack_tcp_be_liberal`) in place of that. Its mode IPVS does neither.

Fix: update kube-proxy; or set `net.netfilter.nf_conntrack_tcp_be_liberal` to 1.

Sure: it is certain that kube-proxy's rules are in use and do not drop such packets. It is a note where the setting was
not saved, a suspicion where it is 0.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA ! -s 10.244.0.0/16 -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:80
    COMMIT
    *filter
    :FORWARD ACCEPT [0:0]
    # here
    :KUBE-FORWARD - [0:0]
    -A FORWARD -j KUBE-FORWARD
    -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
    -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    COMMIT
    # with another file of the node: net.netfilter.nf_conntrack_tcp_be_liberal = 0
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, suspicion
from ruleparse.lint.ruleset import Rules, chain_span
from ruleparse.netfilter.settings import number

_SETTING = "net.netfilter.nf_conntrack_tcp_be_liberal"


def find(rules: Rules) -> Iterator[Finding]:
    table, liberal = rules.table("filter"), number(rules.snapshot.routing.sysctl, _SETTING)
    if "KUBE-FORWARD" not in table.hooks or not any(rules.table("nat").saved.starting("KUBE-SVC-")) or liberal == 1:
        return
    before = (here for chain in ("FORWARD", "KUBE-FORWARD") for here in table.rules(chain))
    if not any(map(_drops_invalid, before)):
        message = (
            "KUBE-FORWARD does not drop invalid packets: clients get late ones untranslated, and reset connections"
        )
        found = suspicion(message, chain_span(table.chains["KUBE-FORWARD"]))
        yield replace(found, severity="note") if liberal is None else found


def _drops_invalid(here: Here) -> bool:
    return here.target == "DROP" and "INVALID" in (here.value("--ctstate", "--state") or "")


RULE = LintRule("invalid-not-dropped", "warning", find)
