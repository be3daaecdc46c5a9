from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool, both, either, negate
from ruleparse.codec import interface
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.values import NamedMask, named_mask
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World

_GROUP = named_mask({"default": 0})


def _key(field: str, context: Context) -> Key:
    groups = context.facts.device_groups
    side = "came in by" if field == "in" else "leaves by"

    def means(value: NamedMask, packet: Packet, world: World) -> Bool:
        """An interface that no `ip link` tells of is asked for; none at all counts as group 0."""
        wanted, mask = value.value, value.mask
        name = packet[field]
        no_device = bits.equal_masked(name, 0, -1)
        known, holds = no_device, both(no_device, wanted == 0)
        for device, group in (groups or {}).items():
            here = bits.equal_masked(name, interface(device), -1)
            known, holds = either(known, here), either(holds, both(here, group & mask == wanted))
        if known is True:
            return holds
        question = context.asks(
            f"the interface the packet {side} is in group {_GROUP.show(value)}", "ip -d link", lasting=True
        )
        return either(holds, both(negate(known), world.ask(question, about=name)))

    return Key((f"{field} group",), _GROUP, means)


def _tests(givens: Givens, context: Context) -> Tests:
    for given in givens:
        yield Test(_key("in" if given.name == "--src-group" else "out", context), given.value, given.negated)


MATCH = Match(
    "devgroup",
    "The group of the interface a packet comes in or leaves by (iptables-extensions(8); net/netfilter/xt_devgroup.c).",
    (Option(("--src-group",), _GROUP), Option(("--dst-group",), _GROUP)),
    tests=_tests,
)
