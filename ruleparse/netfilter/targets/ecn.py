from __future__ import annotations

from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.quirks import SHORTER
from ruleparse.netfilter.values import whole
from ruleparse.program import Action, Set, Stop, Test

CODEPOINT, ECE, CWR = 3, 64, 128


def _cases(givens: Givens, context: Context) -> list[Case]:
    """A packet with too little of a TCP header to change is dropped."""
    of_tcp = any(given.name.startswith("--ecn-tcp") for given in givens)
    cut_short = Case((Test(SHORTER, 20),), (Stop("drop", "it is too short for a TCP header, which ECN was to change"),))
    return [*([cut_short] if of_tcp else []), Case((), _actions(givens, context))]


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
    _cases,
    (
        Option(("--ecn-tcp-remove",)),
        Option(("--ecn-tcp-cwr",), whole(1)),
        Option(("--ecn-tcp-ece",), whole(1)),
        Option(("--ecn-ip-ect",), whole(2)),
    ),
    families=(4,),
    tables=("mangle",),
)
