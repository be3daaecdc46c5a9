from __future__ import annotations

from ruleparse.codec import Codec, integer
from ruleparse.netfilter.extension import Context, Givens, Option, Target
from ruleparse.netfilter.marks import Change
from ruleparse.netfilter.values import hexadecimal
from ruleparse.program import Action, Set

SYMBOLS = {
    "Minimize-Delay": 0x10, "Maximize-Throughput": 0x08, "Maximize-Reliability": 0x04, "Minimize-Cost": 0x02,
    "Normal-Service": 0x00,
}  # fmt: skip
SYMBOL_MASK = 0x3F


def _parse(text: str) -> Change:
    value, slash, mask = text.partition("/")
    if value in SYMBOLS and not slash:
        return SYMBOLS[value], SYMBOL_MASK
    return integer(value, 0, 255), integer(mask, 0, 255) if slash else 255


TOS_CHANGE: Codec[Change] = Codec("value[/mask]|symbol", _parse, lambda c: f"{c[0]:#04x}/{c[1]:#04x}")


def _actions(givens: Givens, _: Context) -> tuple[Action, ...]:
    for given in givens:
        v = given.value
        match given.name:
            case "--set-tos":
                return (Set("tos", *v),)
            case "--or-tos":
                return (Set("tos", v, v),)
            case "--and-tos":
                return (Set("tos", 0, 255 ^ v),)
            case "--xor-tos":
                return (Set("tos", v, 0),)
    return ()


TARGET = Target(
    "TOS",
    """Changes the TOS or traffic class octet: (tos & ~mask) ^ value
    (iptables-extensions(8); extensions/libxt_TOS.c; net/netfilter/xt_DSCP.c).""",
    _actions,
    (
        Option(("--set-tos",), TOS_CHANGE),
        Option(("--or-tos",), hexadecimal(8)),
        Option(("--and-tos",), hexadecimal(8)),
        Option(("--xor-tos",), hexadecimal(8)),
    ),
    tables=("mangle",),
)
