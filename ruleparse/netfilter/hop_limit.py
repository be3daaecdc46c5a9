"""Changes of the TTL or hop limit, which keep it an octet (net/netfilter/xt_HL.c)."""

from __future__ import annotations

from collections.abc import Callable

from ruleparse.netfilter.extension import Context, Givens, Option
from ruleparse.netfilter.values import whole
from ruleparse.program import Action, Add, Set


def options(word: str) -> tuple[Option, ...]:
    """--ttl-set, --ttl-inc, --ttl-dec and the like."""
    return tuple(Option((f"--{word}-{how}",), whole(8)) for how in ("set", "inc", "dec"))


def actions(word: str) -> Callable[[Givens, Context], tuple[Action, ...]]:
    """What those options do."""

    def change(givens: Givens, _: Context) -> tuple[Action, ...]:
        for given in givens:
            match given.name.removeprefix(f"--{word}-"):
                case "set":
                    return (Set("ttl", given.value),)
                case "inc":
                    return (Add("ttl", given.value, 0, 255),)
                case "dec":
                    return (Add("ttl", -given.value, 0, 255),)
        return ()

    return change
