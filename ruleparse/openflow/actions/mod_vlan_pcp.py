from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import number
from ruleparse.openflow.steps import Steps
from ruleparse.program import Set


def _lower(priority: int, steps: Steps) -> None:
    steps.do(Set(flow("vlan_tci"), 0x1000 | (priority & 7) << 13, 0xF000))


ACTION = Kind(
    ("mod_vlan_pcp", "set_vlan_pcp"),
    "Sets the priority of the outer VLAN tag; without a tag it adds one.",
    "mod_vlan_pcp:N",
    lambda element: number(behind_colon(element)),
    lambda priority: f"mod_vlan_pcp:{priority}",
    _lower,
    slot="set",
)
