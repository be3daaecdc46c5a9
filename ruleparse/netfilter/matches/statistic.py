from __future__ import annotations

from ruleparse.codec import Codec, integer
from ruleparse.netfilter.extension import NEVER, Context, Givens, Match, Option, Tests
from ruleparse.netfilter.unsettled import ask_each_time, here, of_the_rule, remembered
from ruleparse.netfilter.values import TEXT
from ruleparse.packet import Assumption, Packet

HALF = 1 << 31


def _probability(text: str) -> int:
    """As the kernel keeps it: of 2**31."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a probability") from None
    if not 0 <= value <= 1:
        raise ValueError(f"{text} is not between 0 and 1")
    return round(HALF * value)


def _tests(givens: Givens, context: Context) -> Tests:
    if givens.get("--mode") == "random":
        odds, negated = givens.get("--probability", 0), givens.negated("--probability")
        if odds in (0, HALF):
            return [] if (odds == HALF) is not negated else [NEVER]
        words = f"the random choice of {context.table} {context.chain} at {context.span.where}"
        return [ask_each_time(Assumption(words, "", context.span, odds / HALF), negated)]
    every, packet, negated = givens.get("--every", 1), givens.get("--packet", 0), givens.negated("--every")
    if every == 1:
        return [] if not negated else [NEVER]
    question = context.asks(f"the packet is number {packet} of every {every} {here(context)}")

    def count(seen: int | None, _: Packet) -> tuple[bool, int]:
        place = (seen or 0) % every
        return place == packet, place + 1

    return [remembered(question, of_the_rule(question, context), count, negated)]


MATCH = Match(
    "statistic",
    """Matches at random, or every n-th packet. Random is a choice with a probability; the n-th packet is an assumption,
    for a dump does not hold the count; with --stateful it is counted from 0 (iptables-extensions(8);
    net/netfilter/xt_statistic.c).""",
    (
        Option(("--mode",), TEXT),
        Option(("--probability",), Codec("0..1", _probability, lambda v: f"{v / HALF:.11f}")),
        Option(("--every",), Codec("n", lambda text: integer(text, 1, (1 << 32) - 1))),
        Option(("--packet",), Codec("n", lambda text: integer(text, 0, (1 << 32) - 1))),
    ),
    tests=_tests,
)
