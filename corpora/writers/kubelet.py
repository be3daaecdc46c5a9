"""Rules of the kubelet: marks and the guard of localhost."""

from __future__ import annotations

from .model import Family
from .rule import comment
from .save import Ruleset

CHAINS_LEFT_TO_KUBE_PROXY = 27


def write_kubelet(ruleset: Ruleset, minor: int) -> None:
    for table in ("mangle", "nat", "filter"):
        ruleset[table].chain("KUBE-KUBELET-CANARY")
    if minor >= 24:
        ruleset["mangle"].chain("KUBE-IPTABLES-HINT")
    if minor < CHAINS_LEFT_TO_KUBE_PROXY:
        _write_drop_mark(ruleset)
    write_localhost_guard(ruleset)


def _write_drop_mark(ruleset: Ruleset) -> None:
    ruleset["nat"].append("KUBE-MARK-DROP", "-j MARK --set-xmark 0x8000/0x8000")
    ruleset["filter"].append(
        "KUBE-FIREWALL",
        comment("kubernetes firewall for dropping marked packets"),
        "-m mark --mark 0x8000/0x8000",
        "-j DROP",
    )


def write_localhost_guard(ruleset: Ruleset) -> None:
    filter_table = ruleset["filter"]
    filter_table.chain("KUBE-FIREWALL")
    if ruleset.family == 4 and not _has_guard(filter_table.chains["KUBE-FIREWALL"]):
        filter_table.append(
            "KUBE-FIREWALL",
            "! -s 127.0.0.0/8",
            "-d 127.0.0.0/8",
            comment("block incoming localnet connections"),
            "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT",
            "-j DROP",
        )
    for chain in ("OUTPUT", "INPUT"):
        filter_table.prepend(chain, "-j KUBE-FIREWALL")


def _has_guard(rules: list[str]) -> bool:
    return any("block incoming localnet connections" in text for text in rules)


def masquerade_rules(minor: int) -> tuple[tuple[str, ...], ...]:
    """KUBE-POSTROUTING: since 1.19 the mark is taken off before the packet may be encapsulated."""
    masquerade = "-j MASQUERADE --random-fully"
    purpose = comment("kubernetes service traffic requiring SNAT")
    if minor < 19:
        return ((purpose, "-m mark --mark 0x4000/0x4000", masquerade),)
    return (
        ("-m mark ! --mark 0x4000/0x4000", "-j RETURN"),
        ("-j MARK --set-xmark 0x4000/0x0",),
        (purpose, masquerade),
    )


def loopback(family: Family) -> str:
    return "127.0.0.0/8" if family == 4 else "::1/128"
