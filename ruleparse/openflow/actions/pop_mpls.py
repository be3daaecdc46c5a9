from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import number
from ruleparse.openflow.keys import NEEDS
from ruleparse.openflow.steps import Steps
from ruleparse.program import Copy, Set


def _lower(ethertype: int, steps: Steps) -> None:
    for case in NEEDS["mpls"]:
        steps.when(
            case,
            Copy(flow("mpls"), flow("mpls_inner"), -1, 0xFFFFFFFF),
            Copy(flow("mpls_inner"), flow("mpls_inner"), -1, -1, -32),
            Set(flow("dl_type"), ethertype),
        )


ACTION = Kind(
    ("pop_mpls",),
    "Takes the outer MPLS label off; ETHERTYPE says what is behind it.",
    "pop_mpls:ETHERTYPE",
    lambda element: number(behind_colon(element)),
    lambda ethertype: f"pop_mpls:0x{ethertype:04x}",
    _lower,
    slot="pop_mpls",
)
