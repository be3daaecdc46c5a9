from __future__ import annotations

from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec
from ruleparse.openflow.action import Kind, arguments
from ruleparse.openflow.fields import OCTETS
from ruleparse.openflow.formats import number
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.questions import unsettled
from ruleparse.openflow.steps import Steps, write_number
from ruleparse.openflow.syntax import Element
from ruleparse.packet import Packet
from ruleparse.program import Key, Masked, Test, World


@dataclass(frozen=True, slots=True)
class Larger:
    octets: int
    target: Subfield


def _parse(element: Element) -> Larger:
    inside = arguments(element)
    if len(inside) != 1:
        raise ValueError("check_pkt_larger takes a number of octets: check_pkt_larger(N)->FIELD[BIT]")
    return Larger(number(str(inside[0])), subfield(element.arrow.removeprefix("->")))


def _lower(larger: Larger, steps: Steps) -> None:
    question = steps.asks(f"the packet has more than {larger.octets} octets, with its Ethernet header", "--length")
    steps.do(*write_number(larger.target, 0))
    known, not_known = (Masked(OCTETS, 0, -1, negated=negated) for negated in (True, False))
    steps.when((known, Test(_HAS_MORE, larger.octets)), *write_number(larger.target, 1))
    steps.when((not_known, unsettled(question)), *write_number(larger.target, 1))


def _has_more(octets: int, packet: Packet, _: World) -> Bool:
    return bits.at_least(packet[OCTETS], octets + 1)


_HAS_MORE = Key(("larger",), Codec("octets", str), _has_more)


ACTION = Kind(
    ("check_pkt_larger",),
    "Sets a bit if the packet, with its Ethernet header, has more than so many octets. Its --length is that of IP.",
    "check_pkt_larger(N)->FIELD[BIT]",
    _parse,
    lambda larger: f"check_pkt_larger({larger.octets})->{larger.target}",
    _lower,
)
