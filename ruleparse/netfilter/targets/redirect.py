from __future__ import annotations

from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.nat import DESTINATION, NAT_PORTS, RANDOM, NatRange, is_random, port_changes
from ruleparse.program import Call, Set, Stop


def _cases(givens: Givens, context: Context) -> list[Case]:
    ports = NatRange(None, givens.get("--to-ports"))
    tail = (Set(DESTINATION.rule, context.handle), Stop("accept"))
    changes = port_changes(DESTINATION, ports, context, random=is_random(givens))
    return [Case(c.tests, (Call("redirect"), *c.actions, *tail)) for c in changes]


TARGET = Target(
    "REDIRECT",
    """Rewrites the destination to this node: to the first address of the interface the packet came in by, for packets
    of its own to 127.0.0.1 or ::1; drops it where there is none (net/netfilter/nf_nat_redirect.c).""",
    _cases,
    (Option(("--to-ports", "--to-port"), NAT_PORTS), *RANDOM),
    ends=True,
    tables=("nat",),
)
