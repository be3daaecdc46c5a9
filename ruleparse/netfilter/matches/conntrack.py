from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec, Prefix, protocol
from ruleparse.netfilter import fields
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.fields import DNAT, DST_NAT, ESTABLISHED, INVALID, NEW, RELATED, SNAT, SRC_NAT, UNTRACKED
from ruleparse.netfilter.values import HOST_PREFIX, PORTS, bit_names, one_of, span_of
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World

STATES = {
    "INVALID": INVALID, "NEW": NEW, "RELATED": RELATED, "ESTABLISHED": ESTABLISHED, "UNTRACKED": UNTRACKED,
    "SNAT": SNAT, "DNAT": DNAT,
}  # fmt: skip
STATUSES = {
    "NONE": 0, "EXPECTED": fields.EXPECTED, "SEEN_REPLY": fields.SEEN_REPLY, "ASSURED": fields.ASSURED,
    "CONFIRMED": fields.CONFIRMED,
}  # fmt: skip


def state_holds(wanted: int, packet: Packet, _: World) -> Bool:
    """Whether the connection's state is among `wanted`; SNAT and DNAT mean that the tuple really changed."""
    state, status = packet["ct_state"], packet["ct_status"]
    exists = tracked(packet)
    rewritten = (SRC_NAT if wanted & SNAT else 0) | (DST_NAT if wanted & DNAT else 0)
    changed = bits.both(exists, bits.any_bit(status, rewritten))
    return bits.either(bits.any_bit(state, wanted & ~(SNAT | DNAT)), changed)


def tracked(packet: Packet) -> Bool:
    """Whether the packet belongs to a connection that conntrack knows."""
    return bits.any_bit(packet["ct_state"], ESTABLISHED | RELATED | NEW)


STATE = Key(("ctstate",), bit_names(STATES), state_holds, "connection state {}")


def of_connection(means: Callable[[Any, Packet, World], Bool], negated: bool) -> Callable[[Any, Packet, World], Bool]:
    """A question about a connection: without one it never holds, not even negated (net/netfilter/xt_conntrack.c)."""

    def holds(value: Any, packet: Packet, world: World) -> Bool:
        exists = tracked(packet)
        if exists is False:
            return False
        answer = means(value, packet, world)
        return bits.both(exists, bits.negate(answer) if negated else answer)

    return holds


def _within(field: str) -> Callable[[Prefix, Packet, World], Bool]:
    return lambda value, packet, _: bits.equal_masked(packet[field], value.value, value.mask)


def _between(field: str) -> Callable[[tuple[int, int], Packet, World], Bool]:
    return lambda value, packet, _: bits.between(packet[field], *value)


_PROTOCOL_NUMBER = Codec("protocol", protocol)
_ANY_TIME = (0, (1 << 32) - 1)
_DIRECTION = one_of({"ORIGINAL": 0, "REPLY": 1})

MEANINGS: dict[str, tuple[Codec[Any], Callable[[Any, Packet, World], Bool] | None]] = {
    "--ctproto": (_PROTOCOL_NUMBER, lambda value, packet, _: bits.equal_masked(packet["ct_proto"], value, -1)),
    "--ctorigsrc": (HOST_PREFIX, _within("ct_src")),
    "--ctorigdst": (HOST_PREFIX, _within("ct_dst")),
    "--ctreplsrc": (HOST_PREFIX, _within("ct_reply_src")),
    "--ctrepldst": (HOST_PREFIX, _within("ct_reply_dst")),
    "--ctorigsrcport": (PORTS, _between("ct_sport")),
    "--ctorigdstport": (PORTS, _between("ct_dport")),
    "--ctreplsrcport": (PORTS, _between("ct_reply_sport")),
    "--ctrepldstport": (PORTS, _between("ct_reply_dport")),
    "--ctstatus": (bit_names(STATUSES), lambda value, packet, _: bits.any_bit(packet["ct_status"], value)),
    "--ctdir": (_DIRECTION, lambda value, packet, _: bits.equal_masked(packet["ct_dir"], value, -1)),
    "--ctexpire": (span_of(32), None),
}
"""Every option but --ctstate: how its value is written and what it asks; None where only the running system knows."""


def _expires(context: Context, wanted: tuple[int, int]) -> Callable[[Any, Packet, World], Bool]:
    question = context.asks(f"the connection expires in {wanted[0]} to {wanted[1]} seconds", "conntrack -L")
    return lambda _value, _packet, world: wanted == _ANY_TIME or world.ask(question)


def _tests(givens: Givens, context: Context) -> Tests:
    decides = givens.has("--ctstate")
    for given in givens:
        if given.name == "--ctstate":
            yield Test(STATE, given.value, given.negated)
            continue
        codec, means = MEANINGS[given.name]
        if means is None:
            means = _expires(context, given.value)
        question = of_connection(means, given.negated)
        yield Test(Key((given.name[2:],), codec, _or_untracked(question) if decides else question), given.value)


def _or_untracked(question: Callable[[Any, Packet, World], Bool]) -> Callable[[Any, Packet, World], Bool]:
    """Where --ctstate is given it alone decides about packets without a connection."""
    return lambda value, packet, world: bits.either(bits.negate(tracked(packet)), question(value, packet, world))


MATCH = Match(
    "conntrack",
    """The connection a packet belongs to. Without one (INVALID, UNTRACKED) --ctstate alone decides if it is given, else
    nothing matches (iptables-extensions(8); net/netfilter/xt_conntrack.c).""",
    (
        Option(("--ctstate",), STATE.codec, STATE),
        *(Option((name,), codec) for name, (codec, _) in MEANINGS.items()),
    ),
    tests=_tests,
)
