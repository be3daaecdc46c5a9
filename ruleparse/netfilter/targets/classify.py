from __future__ import annotations

from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Context, Givens, Option, Target
from ruleparse.netfilter.set_info import parse_class
from ruleparse.program import Action, Set

CLASS: Codec[int] = Codec("major:minor", parse_class, lambda v: f"{v >> 16:04x}:{v & 0xFFFF:04x}")


def _actions(givens: Givens, _: Context) -> tuple[Action, ...]:
    return (Set("priority", givens.get("--set-class")),) if givens.has("--set-class") else ()


TARGET = Target(
    "CLASSIFY",
    "Sets the packet's priority, the class of a queueing discipline (net/netfilter/xt_CLASSIFY.c).",
    _actions,
    (Option(("--set-class",), CLASS),),
    tables=("mangle",),
)
