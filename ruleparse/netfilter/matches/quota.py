from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.unsettled import here, of_the_rule, remembered
from ruleparse.netfilter.values import whole
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World

_OCTETS = whole(64)


def _tests(givens: Givens, context: Context) -> Tests:
    quota = givens.get("--quota", 0)
    question = context.asks(f"the quota of {quota} bytes is not used up {here(context)}")

    def use(left: int | None, packet: Packet) -> tuple[bool, int] | None:
        length, room = packet["length"], quota if left is None else left
        if not isinstance(length, int):
            return None
        return (True, room - length) if length <= room else (False, 0)

    has_room = remembered(question, of_the_rule(question, context), use)

    def means(_: object, packet: Packet, world: World) -> Bool:
        """A packet larger than all of the quota uses it up without matching."""
        return bits.without(has_room.holds(packet, world), bits.at_least(packet["length"], quota + 1))

    yield Test(Key(("quota",), _OCTETS, means), quota, givens.negated("--quota"))


MATCH = Match(
    "quota",
    """Matches until so many bytes have passed. A dump holds the quota and not what is left of it, so this is an
    assumption, unless the packet is larger; with --stateful nothing is used up at first (iptables-extensions(8);
    net/netfilter/xt_quota.c).""",
    (Option(("--quota",), _OCTETS),),
    tests=_tests,
)
