from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.fields import ESTABLISHED, RELATED
from ruleparse.netfilter.values import TEXT
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World


def _tests(givens: Givens, context: Context) -> Tests:
    for given in givens:
        whose = f"helper {given.value}" if given.value else "any helper"
        question = context.asks(f"{whose} of another connection expected this one", "conntrack -L")

        def means(_: object, packet: Packet, world: World, question: object = question) -> Bool:
            """A connection that nobody expected is no helper's, so that a new one never is."""
            may_be = bits.any_bit(packet["ct_state"], ESTABLISHED | RELATED)
            return may_be if may_be is False else bits.both(may_be, world.ask(question))  # type: ignore[arg-type]

        yield Test(Key(("helper",), TEXT, means), given.value, given.negated)


MATCH = Match(
    "helper",
    """Whether a conntrack helper, such as that for FTP, expected the packet's connection
    (iptables-extensions(8); net/netfilter/xt_helper.c).""",
    (Option(("--helper",), TEXT),),
    tests=_tests,
)
