from __future__ import annotations

from ruleparse.openflow.action import Kind
from ruleparse.openflow.steps import Steps
from ruleparse.openflow.syntax import Element
from ruleparse.program import Emit


def _parse(element: Element) -> Element:
    if not element.sign:
        return Element("CONTROLLER", ":", "65535")
    return element


def _lower(_: Element, steps: Steps) -> None:
    steps.do(Emit("controller"))


ACTION = Kind(
    ("controller", "CONTROLLER"),
    "Sends a copy of the packet to the controller, and goes on.",
    "CONTROLLER:MAX_LEN | controller(reason=…,max_len=…,id=…,userdata=…,pause,meter_id=…)",
    _parse,
    str,
    _lower,
    slot="output",
)
