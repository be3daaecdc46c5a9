from __future__ import annotations

from ruleparse.openflow.action import Act, Kind, arguments, leads_of, read_actions, show_actions
from ruleparse.openflow.fields import flow
from ruleparse.openflow.steps import Steps
from ruleparse.openflow.syntax import Element
from ruleparse.program import Copy, Set

_SET = flow("action_set")
SLOT = 16
"""Bits of an action set for one write_actions."""


def _parse(element: Element) -> tuple[Act, ...]:
    return read_actions(arguments(element))


def _lower(actions: tuple[Act, ...], steps: Steps) -> None:
    steps.do(Copy(_SET, _SET, -1, -1, SLOT), Set(_SET, steps.bridge.remember(actions), (1 << SLOT) - 1))


ACTION = Kind(
    ("write_actions",),
    "Adds actions to the packet's action set, which is done when everything else is.",
    "write_actions(ACTION,…)",
    _parse,
    lambda actions: f"write_actions({show_actions(actions)})",
    _lower,
    leads=leads_of,
)
