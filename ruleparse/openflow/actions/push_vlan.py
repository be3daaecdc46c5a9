from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import number
from ruleparse.openflow.steps import Steps
from ruleparse.program import Copy, Set


def _lower(_: int, steps: Steps) -> None:
    steps.do(Copy(flow("vlan_tci1"), flow("vlan_tci")), Set(flow("vlan_tci"), 0x1000))


ACTION = Kind(
    ("push_vlan",),
    """Adds an outer VLAN tag. OpenFlow 1.3 and later also print mod_vlan_vid so, with set_field behind it: then a
    packet that has a tag keeps that one.""",
    "push_vlan:ETHERTYPE",
    lambda element: number(behind_colon(element)),
    lambda ethertype: f"push_vlan:0x{ethertype:04x}",
    _lower,
    slot="push_vlan",
)
