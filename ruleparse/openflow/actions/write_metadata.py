from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import HEX
from ruleparse.openflow.steps import Steps
from ruleparse.program import Set


def _lower(given: tuple[int, int], steps: Steps) -> None:
    value, mask = given
    steps.do(Set(flow("metadata"), value, mask))


ACTION = Kind(
    ("write_metadata",),
    "Sets the metadata, or its bits under a mask.",
    "write_metadata:VALUE[/MASK]",
    lambda element: HEX.parse(behind_colon(element), 64),
    lambda given: f"write_metadata:{HEX.show(given[0], given[1], 64)}",
    _lower,
)
