from __future__ import annotations

from collections.abc import Iterator

from ruleparse.codec import Codec, address, show_address
from ruleparse.netfilter.extension import NEVER, Context, Givens, Match, Option, Tests
from ruleparse.netfilter.unsettled import ask_each_time, here
from ruleparse.netfilter.values import TEXT, whole


def _conditions(givens: Givens) -> Iterator[str]:
    if givens.has("--hitcount"):
        yield f"at least {givens.get('--hitcount')} times"
    if givens.has("--seconds"):
        yield f"within {givens.get('--seconds')} seconds"
    if givens.has("--rttl"):
        yield "with this TTL"


def _tests(givens: Givens, context: Context) -> Tests:
    if givens.has("--set"):
        return [NEVER] if givens.negated("--set") else []
    side = "destination" if givens.has("--rdest") else "source"
    name = givens.get("--name", "DEFAULT")
    listed = f"the packet's {side} is in the list of recent addresses {name}"
    words = " ".join([listed, *_conditions(givens), here(context)])
    negated = any(givens.negated(option) for option in ("--rcheck", "--update", "--remove"))
    return [ask_each_time(context.asks(words, f"cat /proc/net/xt_recent/{name}"), negated)]


_MASK: Codec[tuple[int, int]] = Codec(
    "mask", lambda text: (address(text), 6 if ":" in text else 4), lambda value: show_address(*value)
)

MATCH = Match(
    "recent",
    """A list of addresses seen lately. `--set` adds the address and always matches; whether one is in the list is an
    assumption (iptables-extensions(8); net/netfilter/xt_recent.c).""",
    (
        Option(("--set",)),
        Option(("--rcheck",)),
        Option(("--update",)),
        Option(("--remove",)),
        Option(("--seconds",), whole(32)),
        Option(("--reap",)),
        Option(("--hitcount",), whole(32)),
        Option(("--rttl",)),
        Option(("--name",), TEXT),
        Option(("--mask",), _MASK),
        Option(("--rsource",)),
        Option(("--rdest",)),
    ),
    tests=_tests,
)
