from __future__ import annotations

from ruleparse.bits import Bool
from ruleparse.netfilter import wire
from ruleparse.netfilter.cases import cut_header
from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.values import TEXT, whole
from ruleparse.packet import Packet
from ruleparse.program import Action, Add, Havoc, Key, Test, World

GROWTH = 4


def _grows(_: None, packet: Packet, __: World) -> Bool:
    return packet.raw is not None and wire.lacks_mss(packet.raw)


GROWS = Key(("grows",), TEXT, _grows)


def _cases(givens: Givens, context: Context) -> list[Case]:
    lower = _lowered(givens, context)
    longer = tuple(Add(field, GROWTH, 0, 0xFFFF) for field in ("length", "transport_length"))
    return [
        cut_header("TCPMSS"),
        Case((Test(GROWS, None, negated=True),), (lower,)),
        Case((Test(GROWS, None),), (lower, *longer)),
    ]


def _lowered(givens: Givens, context: Context) -> Action:
    if givens.has("--set-mss"):
        return Add("mss_limit", 0, 0, givens.get("--set-mss"))
    question = context.asks(f"the MSS that fits the path, at {context.span.where}", "ip -d link")
    return Havoc("mss_limit", 0, 0xFFFF, question)


TARGET = Target(
    "TCPMSS",
    """Lowers the MSS that a SYN announces, and goes on. A SYN without one and without data gets one, and grows by 4
    octets; a packet that is not given byte by byte is taken to have one
    (iptables-extensions(8); net/netfilter/xt_TCPMSS.c).""",
    _cases,
    (Option(("--set-mss",), whole(16)), Option(("--clamp-mss-to-pmtu",))),
)
