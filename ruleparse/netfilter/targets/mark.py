from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens, Target
from ruleparse.netfilter.marks import CHANGES, mark_change
from ruleparse.program import Action, Set


def _actions(givens: Givens, _: Context) -> tuple[Action, ...]:
    change = mark_change(givens)
    return (Set("mark", *change),) if change else ()


TARGET = Target(
    "MARK",
    "Changes the packet's mark: (mark & ~mask) ^ value (net/netfilter/xt_mark.c).",
    _actions,
    CHANGES,
)
