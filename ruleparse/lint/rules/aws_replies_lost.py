"""Answers to connections that came in by eth0 leave by another interface (AWS VPC CNI).

Why: pods of a second network interface have routing rules of their own (`from POD lookup 2`). Answers to a node port
must leave by eth0, where the request came from. The CNI marks such connections with 0x80, restores the mark with
CONNMARK, and routes by it. Without the restoring rule, or with strict reverse path filtering on eth0 (rp_filter 1), the
packets are dropped.

Fix: restart aws-node, which writes its rules anew; set `net.ipv4.conf.eth0.rp_filter` to 2.

Sure: certain that nothing restores the mark, or that rp_filter is 1; which connections need it depends on where clients
are, so this is a suspicion. Nothing is said where `ip rule` has no rule for the mark.

Example:

    *mangle
    :PREROUTING ACCEPT [0:0]
    # here
    -A PREROUTING -i eth0 -m comment --comment "AWS, primary ENI" -m addrtype --dst-type LOCAL --limit-iface-in -j CONNMARK --set-xmark 0x80/0x80
    COMMIT
    # with another file of the node: 1024: from all fwmark 0x80/0x80 lookup main
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, suspicion
from ruleparse.lint.ruleset import Rules
from ruleparse.netfilter.settings import InterfaceSetting

_MARK = 0x80
_STRICT = 1


def find(rules: Rules) -> Iterator[Finding]:
    mangle = rules.table("mangle")
    sets = next((here for here in mangle.rules("PREROUTING") if _sets(here)), None)
    if sets is None or rules.family != 4 or not _routed(rules):
        return
    if not any(here.option("--restore-mark") for here in mangle.callers.get("CONNMARK", ())):
        yield suspicion("connections are marked with 0x80, and no rule restores the mark for answers", sets.words.span)
    interface = sets.value("-i") or ""
    setting = InterfaceSetting.of(rules.snapshot.routing.sysctl, "rp_filter")
    if setting.every is not None and setting.own.get(interface, setting.every) == _STRICT:
        message = f"rp_filter is 1 on {interface}: packets whose answers would leave by another interface are dropped"
        yield suspicion(message, sets.words.span)


def _sets(here: Here) -> bool:
    return here.target == "CONNMARK" and bool(here.bits("--set-xmark") & _MARK) and bool(here.value("-i"))


def _routed(rules: Rules) -> bool:
    """Whether routing asks for the mark."""
    sources = (source for source, kind in rules.snapshot.sources if kind == "ip-rule")
    return any("fwmark 0x80/0x80" in source.text for source in sources)


RULE = LintRule("aws-replies-lost", "warning", find)
