from __future__ import annotations

from ruleparse.openflow.action import Kind, as_written
from ruleparse.openflow.steps import Steps
from ruleparse.openflow.syntax import Element


def _lower(element: Element, steps: Steps) -> None:
    steps.unknown(f"what is inside the header that {element} takes off")


ACTION = Kind(
    ("decap",),
    "Takes the outer header off. The packet inside is not followed.",
    "decap() | decap(packet_type(ns=N,type=N))",
    as_written,
    str,
    _lower,
    slot="decap",
    state="unknown",
)
