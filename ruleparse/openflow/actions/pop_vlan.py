from __future__ import annotations

from ruleparse.openflow.action import Kind, no_value
from ruleparse.openflow.fields import flow
from ruleparse.openflow.steps import Steps
from ruleparse.openflow.syntax import Element
from ruleparse.program import Copy, Set


def _parse(element: Element) -> str:
    no_value(element)
    return element.word


def _lower(_: str, steps: Steps) -> None:
    steps.do(Copy(flow("vlan_tci"), flow("vlan_tci1")), Set(flow("vlan_tci1"), 0))


ACTION = Kind(
    ("pop_vlan", "strip_vlan"),
    "Takes the outer VLAN tag off, if there is one.",
    "pop_vlan | strip_vlan",
    _parse,
    str,
    _lower,
    slot="strip_vlan",
)
