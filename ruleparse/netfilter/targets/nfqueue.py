from __future__ import annotations

from ruleparse.codec import show_range
from ruleparse.netfilter.cases import program_decides
from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.values import span_of, whole


def _cases(givens: Givens, context: Context) -> list[Case]:
    queues = givens.get("--queue-balance", (givens.get("--queue-num", 0),) * 2)
    return program_decides(show_range(queues), context, bypass=givens.has("--queue-bypass"))


TARGET = Target(
    "NFQUEUE",
    """Hands the packet to a program, which drops or accepts it and may change it. With --queue-bypass it is accepted
    where no program listens, else dropped (iptables-extensions(8); net/netfilter/xt_NFQUEUE.c).""",
    _cases,
    (
        Option(("--queue-num",), whole(16)),
        Option(("--queue-balance",), span_of(16)),
        Option(("--queue-bypass",)),
        Option(("--queue-cpu-fanout",)),
    ),
    state="unknown",
    ends=True,
)
