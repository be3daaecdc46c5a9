from __future__ import annotations

from collections.abc import Sequence

from ruleparse import bits
from ruleparse.bits import Bool, Number, both, negate, without
from ruleparse.codec import Codec, Range, integer
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.fields import CONFIRMED, NEW
from ruleparse.netfilter.matches.conntrack import tracked
from ruleparse.netfilter.values import one_of
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World

_HUGE = (1 << 64) - 1
_PACKETS, _BYTES, _AVERAGE = range(3)
_ORIGINAL, _REPLY, _BOTH = range(3)


def _parse(text: str) -> Range:
    low, colon, high = text.partition(":")
    return integer(low, 0, _HUGE), integer(high, 0, _HUGE) if colon and high else _HUGE


def _show(r: Range) -> str:
    return f"{r[0]}" if r[1] == _HUGE else f"{r[0]}:{r[1]}"


_RANGE = Codec("low[:high]", _parse, _show)
_MODES = one_of({"packets": _PACKETS, "bytes": _BYTES, "avgpkt": _AVERAGE})
_SIDES = one_of({"original": _ORIGINAL, "reply": _REPLY, "both": _BOTH})


def _at_first_packet(mode: int, side: int, packet: Packet) -> Number:
    """Conntrack has counted the first packet itself when rules see it; replies there are none."""
    if side == _REPLY:
        return 0
    return 1 if mode == _PACKETS else packet["length"]


def _seen(mode: int, side: int, packet: Packet) -> int | None:
    """What was counted of a connection whose earlier packets were walked, too; None if that is not known."""
    names = (("original",), ("reply",), ("original", "reply"))[side]
    packets, octets = (_sum(packet, f"ct_{what}", names) for what in ("packets", "octets"))
    if mode == _PACKETS:
        return packets
    if mode == _BYTES or octets is None or packets is None:
        return octets
    return octets // packets if packets else 0


def _sum(packet: Packet, what: str, names: Sequence[str]) -> int | None:
    total = 0
    for name in names:
        number = packet.values.get(f"{what}_{name}")
        if not isinstance(number, int):
            return None
        total += number
    return total


def _tests(givens: Givens, context: Context) -> Tests:
    wanted, negated = givens.get("--connbytes"), givens.negated("--connbytes")
    mode, side = givens.get("--connbytes-mode", _PACKETS), givens.get("--connbytes-dir", _BOTH)
    what = f"{_MODES.show(mode)} in {_SIDES.show(side)} direction{'s' * (side == _BOTH)}"
    question = context.asks(f"the connection's {what} number {_RANGE.show(wanted)}", "conntrack -L")

    def means(_: object, packet: Packet, world: World) -> Bool:
        exists = both(tracked(packet), bits.equal(packet["ct_pending"], 0))
        if exists is False:
            return False
        seen = _seen(mode, side, packet)
        if seen is not None:
            return both(exists, (wanted[0] <= seen <= wanted[1]) is not negated)
        first = without(bits.any_bit(packet["ct_state"], NEW), bits.any_bit(packet["ct_status"], CONFIRMED))
        holds = True if first is False else bits.between(_at_first_packet(mode, side, packet), *wanted)
        if first is not True:
            holds = bits.pick(first, holds, world.ask(question))
        return both(exists, negate(holds) if negated else holds)

    yield Test(Key(("connbytes",), _RANGE, means), None)


MATCH = Match(
    "connbytes",
    """How many packets or bytes the connection has had, this packet included: exact for the first packet and with
    --stateful, else an assumption; without a connection, or with the template of a CT rule, it never matches
    (iptables-extensions(8); net/netfilter/xt_connbytes.c).""",
    (
        Option(("--connbytes",), _RANGE),
        Option(("--connbytes-mode",), _MODES),
        Option(("--connbytes-dir",), _SIDES),
    ),
    tests=_tests,
)
