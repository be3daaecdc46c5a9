from __future__ import annotations

from ruleparse.openflow.action import Kind, as_written
from ruleparse.openflow.steps import Steps
from ruleparse.openflow.syntax import Element


def _lower(element: Element, steps: Steps) -> None:
    steps.unknown(f"what {element} makes of the packet")


ACTION = Kind(
    ("encap",),
    "Puts a header around the packet (Ethernet, NSH, MPLS). The packet behind it is not followed.",
    "encap(HEADER)",
    as_written,
    str,
    _lower,
    slot="encap",
    state="unknown",
)
