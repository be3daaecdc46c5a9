from __future__ import annotations

from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Context, Givens, Option, Target
from ruleparse.program import Action, Set


def _parse(text: str) -> int:
    major, colon, minor = text.partition(":")
    try:
        numbers = int(major, 16), int(minor, 16)
    except ValueError:
        raise ValueError(f"{text!r} is not a class major:minor") from None
    if not colon or max(numbers) > 0xFFFF or min(numbers) < 0:
        raise ValueError(f"{text!r} is not a class major:minor")
    return numbers[0] << 16 | numbers[1]


CLASS: Codec[int] = Codec("major:minor", _parse, lambda v: f"{v >> 16:04x}:{v & 0xFFFF:04x}")


def _actions(givens: Givens, _: Context) -> tuple[Action, ...]:
    return (Set("priority", givens.get("--set-class")),) if givens.has("--set-class") else ()


TARGET = Target(
    "CLASSIFY",
    "Sets the packet's priority, the class of a queueing discipline (net/netfilter/xt_CLASSIFY.c).",
    _actions,
    (Option(("--set-class",), CLASS),),
    tables=("mangle",),
)
