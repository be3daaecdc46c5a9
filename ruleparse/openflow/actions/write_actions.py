from __future__ import annotations

from ruleparse.openflow.action import Act, Kind, arguments, leads_of, read_actions, show_actions
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import PORTS
from ruleparse.openflow.steps import Steps
from ruleparse.openflow.syntax import Element
from ruleparse.program import Copy, Masked, Set

_SET = flow("action_set")
SLOT = 16
"""Bits of an action set for one write_actions."""


def _parse(element: Element) -> tuple[Act, ...]:
    return read_actions(arguments(element))


def _lower(actions: tuple[Act, ...], steps: Steps) -> None:
    steps.do(Copy(_SET, _SET, -1, -1, SLOT), Set(_SET, steps.bridge.remember(actions), (1 << SLOT) - 1))
    for act in actions:
        if act.kind.name == "group":
            steps.do(Set(flow("set_group"), 1), Set(flow("actset_output"), PORTS["UNSET"]))
        elif act.kind.name == "output" and act.value.field is None:
            port = PORTS.get(act.value.port) or steps.bridge.port(act.value.port)
            steps.when((Masked(flow("set_group"), 0, -1),), Set(flow("actset_output"), port))


ACTION = Kind(
    ("write_actions",),
    "Adds actions to the packet's action set, which is done when everything else is.",
    "write_actions(ACTION,…)",
    _parse,
    lambda actions: f"write_actions({show_actions(actions)})",
    _lower,
    leads=leads_of,
)
