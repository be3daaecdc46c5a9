from __future__ import annotations

from dataclasses import dataclass

from ruleparse.openflow.action import Kind, arguments
from ruleparse.openflow.formats import number
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.questions import unsettled
from ruleparse.openflow.steps import Steps, write_number
from ruleparse.openflow.syntax import Element


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
    question = steps.asks(f"the packet has more than {larger.octets} octets")
    steps.do(*write_number(larger.target, 0))
    steps.when((unsettled(question),), *write_number(larger.target, 1))


ACTION = Kind(
    ("check_pkt_larger",),
    "Sets a bit if the packet is larger than so many octets.",
    "check_pkt_larger(N)->FIELD[BIT]",
    _parse,
    lambda larger: f"check_pkt_larger({larger.octets})->{larger.target}",
    _lower,
    state="unknown",
)
