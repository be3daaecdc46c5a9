from __future__ import annotations

from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.nat import NAT_PORTS, RANDOM, SOURCE, NatRange, is_random, port_changes
from ruleparse.program import Call, Set, Stop


def _cases(givens: Givens, context: Context) -> list[Case]:
    ports = NatRange(None, givens.get("--to-ports"))
    tail = (Set(SOURCE.rule, context.handle), Stop("accept"))
    changes = port_changes(SOURCE, ports, context, random=is_random(givens))
    return [Case(c.tests, (Call("masquerade"), *c.actions, *tail)) for c in changes]


TARGET = Target(
    "MASQUERADE",
    """Rewrites the source to an address of the interface the packet leaves by
    (iptables-extensions(8); net/netfilter/nf_nat_masquerade.c).""",
    _cases,
    (Option(("--to-ports", "--to-port"), NAT_PORTS), *RANDOM),
    ends=True,
    tables=("nat",),
)
