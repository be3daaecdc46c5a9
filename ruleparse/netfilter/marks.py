"""Changes of a number under a mask, in the ways MARK, CONNMARK and TOS let people write them."""

from __future__ import annotations

from ruleparse.codec import Codec, masked_number
from ruleparse.netfilter.extension import Givens, Option
from ruleparse.netfilter.values import hexadecimal

Change = tuple[int, int]
"""(value, mask): new = (old & ~mask) ^ value"""


def _show(change: Change) -> str:
    return f"{change[0]:#x}/{change[1]:#x}"


CHANGE: Codec[Change] = Codec("value[/mask]", masked_number, _show)
"""As `--set-xmark` prints it: always with its mask."""

CHANGES = (
    Option(("--set-xmark",), CHANGE),
    Option(("--set-mark",), CHANGE),
    Option(("--or-mark",), hexadecimal(32)),
    Option(("--and-mark",), hexadecimal(32)),
    Option(("--xor-mark",), hexadecimal(32)),
)
"""What MARK and CONNMARK share; iptables-save prints all of them as `--set-xmark`."""

FULL = 0xFFFFFFFF


def mark_change(givens: Givens) -> Change | None:
    """The change that a rule asks for (extensions/libxt_MARK.c)."""
    for given in givens:
        v = given.value
        match given.name:
            case "--set-xmark":
                return v[0], v[1]
            case "--set-mark":
                return v[0], v[0] | v[1]
            case "--or-mark":
                return v, v
            case "--and-mark":
                return 0, FULL ^ v
            case "--xor-mark":
                return v, 0
    return None
