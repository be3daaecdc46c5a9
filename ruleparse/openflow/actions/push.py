from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.fields import flow
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.steps import Steps, copy_bits, state_bits
from ruleparse.program import Add, Copy

SLOT = 128
"""Bits of the stack for one value."""
STACK = flow("stack")


def top(width: int) -> Subfield:
    """The lowest bits of the value on top of the stack."""
    return state_bits("stack", min(width, SLOT))


def _lower(source: Subfield, steps: Steps) -> None:
    steps.do(
        Copy(STACK, STACK, -1, -1, SLOT),
        *copy_bits(source, top(source.width)),
        Add(flow("stack_depth"), 1, 0, 255),
    )


ACTION = Kind(
    ("push",),
    "Puts bits of a field on a stack.",
    "push:FIELD[BITS]",
    lambda element: subfield(behind_colon(element)),
    lambda field: f"push:{field}",
    _lower,
)
