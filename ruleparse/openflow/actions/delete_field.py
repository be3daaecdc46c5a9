from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.steps import Steps, write_number


def _lower(field: Subfield, steps: Steps) -> None:
    steps.do(*write_number(field, 0))


ACTION = Kind(
    ("delete_field",),
    "Takes a tunnel option off.",
    "delete_field:FIELD",
    lambda element: subfield(behind_colon(element)),
    lambda field: f"delete_field:{field.key.name}",
    _lower,
)
