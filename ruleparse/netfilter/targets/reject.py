from __future__ import annotations

from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Context, Givens, Option, Target
from ruleparse.program import Action, Stop

KINDS = {
    4: {
        "icmp-net-unreachable": "net-unreach",
        "icmp-host-unreachable": "host-unreach",
        "icmp-proto-unreachable": "proto-unreach",
        "icmp-port-unreachable": "port-unreach",
        "icmp-net-prohibited": "net-prohib",
        "icmp-host-prohibited": "host-prohib",
        "icmp-admin-prohibited": "admin-prohib",
        "tcp-reset": "tcp-rst",
    },
    6: {
        "icmp6-no-route": "no-route",
        "icmp6-adm-prohibited": "adm-prohibited",
        "icmp6-addr-unreachable": "addr-unreach",
        "icmp6-port-unreachable": "port-unreach",
        "icmp6-policy-fail": "policy-fail",
        "icmp6-reject-route": "reject-route",
        "tcp-reset": "tcp-rst",
    },
}
"""What is sent back, by family, each with its short name (extensions/libipt_REJECT.c, libip6t_REJECT.c)."""

DEFAULT = {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"}


def _kind(text: str) -> str:
    if not any(text in pair for kinds in KINDS.values() for pair in kinds.items()):
        raise ValueError(f"{text} is not something to reject with ({', '.join([*KINDS[4], *KINDS[6]])})")
    return text


def _full_name(kind: str, family: int) -> str:
    return next((name for name, short in KINDS[family].items() if short == kind), kind)


def _actions(givens: Givens, context: Context) -> tuple[Action, ...]:
    kind = givens.get("--reject-with", DEFAULT[context.family])
    return (Stop("reject", detail=_full_name(kind, context.family)),)


TARGET = Target(
    "REJECT",
    """Drops the packet and sends an ICMP error or a TCP reset; silently for resets, ICMP errors, broadcasts
    (iptables-extensions(8); net/ipv4/netfilter/ipt_REJECT.c).""",
    _actions,
    (Option(("--reject-with",), Codec("kind", _kind)),),
    ends=True,
    tables=("filter",),
)
