from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec, interface, interface_pattern
from ruleparse.netfilter.extension import FLAG, Context, Givens, Match, Option, Tests
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World


def _checked(text: str) -> str:
    interface_pattern(text)
    return text


_NAME = Codec("name[+]", _checked)
_CALLED = "net.bridge.bridge-nf-call-ip{}tables"

_WORDS = {
    "--physdev-in": "came in by bridge port {}",
    "--physdev-out": "leaves by bridge port {}",
    "--physdev-is-in": "came in by a bridge port",
    "--physdev-is-out": "leaves by a bridge port",
    "--physdev-is-bridged": "is being bridged",
}


def _tests(givens: Givens, context: Context) -> Tests:
    sysctl = _CALLED.format("6" if context.family == 6 else "")
    never_bridged = context.facts.sysctl.get(sysctl) == "0"
    loopback = interface(context.facts.loopback)
    for given in givens:
        question = context.asks(f"the packet {_WORDS[given.name].format(given.value)}", f"ip -d link; sysctl {sysctl}")

        def means(_: object, packet: Packet, world: World, question: object = question) -> Bool:
            """A packet that came by no bridge has no port, so this holds only negated."""
            arrived = packet["in"]
            outside = bits.either(bits.equal_masked(arrived, 0, -1), bits.equal_masked(arrived, loopback, -1))
            if never_bridged or outside is True:
                return False
            return bits.without(world.ask(question), outside)  # type: ignore[arg-type]

        yield Test(Key((given.name,), given.option.codec, means), given.value, given.negated)


MATCH = Match(
    "physdev",
    """The bridge ports a packet came in and leaves by. Packets of this node or over loopback have none, nor has any on
    a node whose bridges do not call iptables (iptables-extensions(8); net/netfilter/xt_physdev.c).""",
    tuple(Option((name,), _NAME if name in ("--physdev-in", "--physdev-out") else FLAG) for name in _WORDS),
    tests=_tests,
)
