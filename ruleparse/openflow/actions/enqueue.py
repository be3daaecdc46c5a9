from __future__ import annotations

from ruleparse.openflow.action import Kind, arguments, behind_colon
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import PORTS
from ruleparse.openflow.steps import Steps
from ruleparse.openflow.syntax import Element
from ruleparse.program import Call, Set


def _parse(element: Element) -> tuple[str, str]:
    if element.sign == "(":
        port, queue = (str(e) for e in arguments(element))
    else:
        port, _, queue = behind_colon(element).rpartition(":")
    return port, queue


def _lower(given: tuple[str, str], steps: Steps) -> None:
    port = given[0]
    steps.do(Set(flow("out_port"), PORTS.get(port) or steps.bridge.port(port)), Call("output"))


ACTION = Kind(
    ("enqueue",),
    "Sends a copy of the packet to a queue of a port.",
    "enqueue:PORT:QUEUE",
    _parse,
    lambda given: f"enqueue:{given[0]}:{given[1]}",
    _lower,
    slot="output",
)
