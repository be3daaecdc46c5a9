from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import number
from ruleparse.openflow.keys import NEEDS
from ruleparse.openflow.steps import Steps
from ruleparse.program import Copy, Masked, Set

_BOTTOM = 0x100


def _lower(ethertype: int, steps: Steps) -> None:
    """A first label has the packet's TTL or 64, a further one copies that below it (lib/flow.c, flow_push_mpls)."""
    is_mpls = [case[0] for case in NEEDS["mpls"]]
    first = tuple(Masked(t.field, t.value, t.mask, negated=True) for t in is_mpls)
    for test in is_mpls:
        steps.when(
            (test,),
            Copy(flow("mpls_inner"), flow("mpls_inner"), -1, -1, 32),
            Copy(flow("mpls_inner"), flow("mpls"), 0xFFFFFFFF),
            Set(flow("mpls"), 0, _BOTTOM),
        )
    steps.when(
        first,
        Copy(flow("mpls_type"), flow("dl_type")),
        Set(flow("mpls"), _BOTTOM | 64),
    )
    for case in NEEDS["ip"]:
        steps.when((*first, *case), Copy(flow("mpls"), flow("nw_ttl"), 0xFF))
        steps.when((*first, *case), Copy(flow("mpls"), flow("nw_tos"), 0xE00, 0x1C, 7))
    steps.do(Set(flow("dl_type"), ethertype))


ACTION = Kind(
    ("push_mpls",),
    "Adds an outer MPLS label.",
    "push_mpls:ETHERTYPE",
    lambda element: number(behind_colon(element)),
    lambda ethertype: f"push_mpls:0x{ethertype:04x}",
    _lower,
    slot="push_mpls",
)
