from __future__ import annotations

from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.rejections import GETS_NOTHING, KINDS
from ruleparse.netfilter.target_values import checked
from ruleparse.program import Stop, Test

DEFAULT = {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"}


def _check(text: str) -> None:
    if not any(text in pair for kinds in KINDS.values() for pair in kinds.items()):
        raise ValueError(f"{text} is not something to reject with ({', '.join(dict.fromkeys([*KINDS[4], *KINDS[6]]))})")


def _cases(givens: Givens, context: Context) -> list[Case]:
    written = givens.get("--reject-with", DEFAULT[context.family])
    kind = next((name for name, short in KINDS[context.family].items() if short == written), written)
    nothing_sent = Stop("drop", detail="REJECT sends nothing back for such a packet")
    return [
        Case((Test(GETS_NOTHING, (kind, context.family)),), (nothing_sent,)),
        Case((), (Stop("reject", detail=kind),)),
    ]


TARGET = Target(
    "REJECT",
    """Drops the packet and sends an ICMP error or a TCP reset; silently drops resets, ICMP errors, broadcasts, damaged
    packets (iptables-extensions(8); net/ipv4/netfilter/ipt_REJECT.c).""",
    _cases,
    (Option(("--reject-with",), checked("kind", _check)),),
    ends=True,
    tables=("filter",),
)
