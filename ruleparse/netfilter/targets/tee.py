from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens, Option, Target
from ruleparse.netfilter.target_values import ADDRESS, DEVICE
from ruleparse.program import Action, Note


def _actions(givens: Givens, _: Context) -> tuple[Action, ...]:
    return (Note(f"a copy goes to {givens.get('--gateway')}"),)


TARGET = Target(
    "TEE",
    """Sends a copy to a neighbour; the packet itself goes on. The copy is untracked and has a walk of its own through
    OUTPUT and POSTROUTING, which is not followed (iptables-extensions(8); net/netfilter/xt_TEE.c).""",
    _actions,
    (Option(("--gateway",), ADDRESS), Option(("--oif",), DEVICE)),
    state="inert",
    tables=("mangle",),
)
