from __future__ import annotations

from ruleparse.codec import Codec, integer
from ruleparse.netfilter.extension import Context, Givens, Option, Target
from ruleparse.program import Action, Set

CLASSES = {
    **{f"CS{n}": n << 3 for n in range(8)},
    "BE": 0,
    **{f"AF{c}{p}": c << 3 | p << 1 for c in range(1, 5) for p in range(1, 4)},
    "EF": 0x2E,
}
"""Names of code points (extensions/dscp_helper.c)."""

UPPER_SIX = 0xFC


def _class(text: str) -> int:
    try:
        return CLASSES[text.upper()]
    except KeyError:
        raise ValueError(f"{text} is not a DSCP class ({', '.join(CLASSES)})") from None


def _actions(givens: Givens, _: Context) -> tuple[Action, ...]:
    code = givens.get("--set-dscp", givens.get("--set-dscp-class"))
    return (Set("tos", code << 2, UPPER_SIX),) if code is not None else ()


TARGET = Target(
    "DSCP",
    "Sets the upper six bits of the TOS or traffic class octet (iptables-extensions(8); net/netfilter/xt_DSCP.c).",
    _actions,
    (
        Option(("--set-dscp",), Codec("0..63", lambda text: integer(text, 0, 63), lambda v: f"{v:#04x}")),
        Option(("--set-dscp-class",), Codec("class", _class, lambda v: next(n for n, c in CLASSES.items() if c == v))),
    ),
    tables=("mangle",),
)
