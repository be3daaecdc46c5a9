from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import interface
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.values import MAC
from ruleparse.packet import Packet
from ruleparse.program import Key, Masked, Test, World


def _means(value: int, packet: Packet, _: World) -> Bool:
    return bits.equal_masked(packet["src_mac"], value, -1)


SOURCE_MAC = Key(("src_mac",), MAC, _means, "source MAC {}")


def _tests(givens: Givens, context: Context) -> Tests:
    yield Masked("in", interface(context.facts.loopback), -1, negated=True)
    for given in givens:
        yield Test(SOURCE_MAC, given.value, given.negated)


MATCH = Match(
    "mac",
    """The Ethernet source address; over an interface that is not Ethernet, such as loopback, it never matches, not even
    negated (iptables-extensions(8); net/netfilter/xt_mac.c).""",
    (Option(("--mac-source",), MAC),),
    tests=_tests,
)
