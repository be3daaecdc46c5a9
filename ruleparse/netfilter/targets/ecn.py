from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens, Option, Target
from ruleparse.netfilter.values import whole
from ruleparse.program import Action, Set

CODEPOINT, ECE, CWR = 3, 64, 128


def _actions(givens: Givens, _: Context) -> tuple[Action, ...]:
    actions: list[Action] = []
    for given in givens:
        match given.name:
            case "--ecn-tcp-remove":
                actions.append(Set("tcp_flags", 0, ECE | CWR))
            case "--ecn-tcp-ece":
                actions.append(Set("tcp_flags", ECE * given.value, ECE))
            case "--ecn-tcp-cwr":
                actions.append(Set("tcp_flags", CWR * given.value, CWR))
            case "--ecn-ip-ect":
                actions.append(Set("tos", given.value, CODEPOINT))
    return tuple(actions)


TARGET = Target(
    "ECN",
    """Clears or sets the bits of explicit congestion notification; those of TCP only where the rule says -p tcp, as the
    kernel demands (iptables-extensions(8); net/ipv4/netfilter/ipt_ECN.c).""",
    _actions,
    (
        Option(("--ecn-tcp-remove",)),
        Option(("--ecn-tcp-cwr",), whole(1)),
        Option(("--ecn-tcp-ece",), whole(1)),
        Option(("--ecn-ip-ect",), whole(2)),
    ),
    families=(4,),
    tables=("mangle",),
)
