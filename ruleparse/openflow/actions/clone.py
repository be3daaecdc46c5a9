from __future__ import annotations

from ruleparse.openflow.action import Act, Kind, arguments, leads_of, read_actions, show_actions
from ruleparse.openflow.fields import flow
from ruleparse.openflow.steps import EXIT, Steps
from ruleparse.openflow.syntax import Element
from ruleparse.program import Call, Masked, Return, Rule, Table


def _parse(element: Element) -> tuple[Act, ...]:
    return read_actions(arguments(element))


def _show(actions: tuple[Act, ...]) -> str:
    return f"clone({show_actions(actions) if actions else ''})"


def _lower(actions: tuple[Act, ...], steps: Steps) -> None:
    """As Open vSwitch 3.1 does it: what an earlier write_actions left is done inside too."""
    inside = steps.bridge.make(Table("", (Rule((), (*steps.inner(actions), Return())),)))
    exited = Masked(flow("exited"), 1, -1)
    whole = (
        Rule((), (Call(inside, ("exit",)),)),
        Rule((exited,), (Return(),)),
        Rule((), (Call("action set", ("exit",)),)),
    )
    steps.aside(Table("", whole), flow("exited"))
    steps.when((exited,), EXIT)


ACTION = Kind(
    ("clone",),
    "Does some actions with a copy of the packet, and goes on with the packet as it was.",
    "clone(ACTION,…)",
    _parse,
    _show,
    _lower,
    leads=leads_of,
)
