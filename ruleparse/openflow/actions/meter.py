from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.formats import number
from ruleparse.openflow.questions import unsettled
from ruleparse.openflow.steps import Steps
from ruleparse.program import Stop


def _lower(meter: int, steps: Steps) -> None:
    question = steps.asks(f"{steps.bridge.meter(meter)} is over its rate", "ovs-ofctl meter-stats")
    steps.when((unsettled(question),), Stop("exit"))


ACTION = Kind(
    ("meter",),
    "Drops the packet where a meter is over its rate, which only the running switch knows.",
    "meter:ID",
    lambda element: number(behind_colon(element)),
    lambda meter: f"meter:{meter}",
    _lower,
    state="unknown",
)
