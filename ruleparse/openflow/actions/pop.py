from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.actions.push import SLOT, STACK, top
from ruleparse.openflow.fields import flow
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.steps import Steps, copy_bits
from ruleparse.program import Add, Copy, Masked

_DEPTH = flow("stack_depth")


def _lower(target: Subfield, steps: Steps) -> None:
    there = (Masked(_DEPTH, 0, -1, negated=True),)
    steps.when(
        there,
        *copy_bits(top(target.width), target),
        Copy(STACK, STACK, -1, -1, -SLOT),
        Add(_DEPTH, -1, 0, 255),
    )


ACTION = Kind(
    ("pop",),
    "Takes a value off the stack into bits of a field; from an empty stack it takes nothing.",
    "pop:FIELD[BITS]",
    lambda element: subfield(behind_colon(element)),
    lambda field: f"pop:{field}",
    _lower,
)
