"""Packets to a service are not tracked, so that they never get to an endpoint.

Why: a rule of table raw (`-j CT --notrack`) takes them out of connection tracking, and without that table nat is not
asked: nobody translates the address of the service, which no host has. node-local-dns writes such rules for the
address of kube-dns, and answers there itself; once it is gone and its rules are not, nobody does.

Fix: delete the rules in table raw, or start what should answer at this address.

Sure: certain where `ip addr` was saved and no interface of the node has the address; a note where it was not.

Example:

    *raw
    :PREROUTING ACCEPT [0:0]
    # here
    -A PREROUTING -d 10.96.0.10/32 -p udp -m udp --dport 53 -j CT --notrack
    COMMIT
    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m udp --dport 53 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA ! -s 10.244.0.0/16 -d 10.96.0.10/32 -p udp -m udp --dport 53 -j KUBE-MARK-MASQ
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p udp -m udp -j DNAT --to-destination 10.244.1.2:53
    COMMIT
    # with another file of the node: 2: eth0    inet 192.168.10.11/24 brd 192.168.10.255 scope global eth0
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from ruleparse.cni.saved import Here
from ruleparse.codec import address
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Rules

Portal = tuple[str | None, ...]


def find(rules: Rules) -> Iterator[Finding]:
    raw, portals = rules.table("raw"), {portal(h): h for h in rules.table("nat").rules("KUBE-SERVICES") if leads_on(h)}
    untracked = [*raw.callers.get("NOTRACK", ()), *filter(is_notrack, raw.callers.get("CT", ()))]
    own = {a.value for interface in rules.snapshot.routing.interfaces for a in interface.addresses}
    for here in sorted(untracked, key=lambda here: here.words.span.start):
        served = portals.get(portal(here)) if here.chain in raw.hooks else None
        if served is None or _number(here.value("-d")) in own:
            continue
        message = (
            f"packets to service {here.value('-d')} port {here.value('--dport')} are not tracked, and not translated"
        )
        found = error(message, here.words.span, Related(served.words.span, "never sees them"))
        yield found if own else replace(found, severity="note")


def leads_on(here: Here) -> bool:
    return here.target.startswith("KUBE-SVC-")


def portal(here: Here) -> Portal:
    return here.value("-d"), here.value("-p"), here.value("--dport")


def is_notrack(here: Here) -> bool:
    return here.option("--notrack") is not None


def _number(text: str | None) -> int | None:
    with suppress(ValueError):
        return address(text or "")
    return None


RULE = LintRule("untracked-service", "error", find)
