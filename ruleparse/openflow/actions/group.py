from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.formats import number
from ruleparse.openflow.steps import Steps
from ruleparse.program import Call


def _lower(group: int, steps: Steps) -> None:
    steps.do(Call(f"group {group}"))


ACTION = Kind(
    ("group",),
    "Does what a group says, with copies of the packet, and goes on with the packet as it was.",
    "group:ID",
    lambda element: number(behind_colon(element)),
    lambda group: f"group:{group}",
    _lower,
    slot="group",
    leads=lambda group, _: [("group", f"group {group}")],
)
