from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import number
from ruleparse.openflow.steps import Steps
from ruleparse.program import Set


def _lower(vid: int, steps: Steps) -> None:
    steps.do(Set(flow("vlan_tci"), 0x1000 | vid & 0xFFF, 0x1FFF))


ACTION = Kind(
    ("mod_vlan_vid", "set_vlan_vid"),
    """Sets the VLAN of the outer tag; without a tag it adds one. OpenFlow 1.0 prints push_vlan with set_field so too,
    which differs for packets that have a tag already.""",
    "mod_vlan_vid:VID",
    lambda element: number(behind_colon(element)),
    lambda vid: f"mod_vlan_vid:{vid}",
    _lower,
    slot="set",
)
