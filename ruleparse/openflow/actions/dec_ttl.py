from __future__ import annotations

from ruleparse.openflow.action import Kind
from ruleparse.openflow.fields import flow
from ruleparse.openflow.keys import NEEDS
from ruleparse.openflow.steps import LEAVE, Steps
from ruleparse.openflow.syntax import Element
from ruleparse.program import Add, Emit, Masked

_TTL = flow("nw_ttl")


def _parse(element: Element) -> tuple[str, ...]:
    """Ids of the controllers that are told."""
    return tuple(str(e) for e in element.inside)


def _lower(controllers: tuple[str, ...], steps: Steps) -> None:
    for case in NEEDS["ip"]:
        for last in (0, 1):
            steps.when((*case, Masked(_TTL, last, 0xFF)), *[Emit("controller")] * max(1, len(controllers)), LEAVE)
    for case in NEEDS["ip"]:
        steps.when(case, Add(_TTL, -1, 0, 255))


ACTION = Kind(
    ("dec_ttl",),
    """Takes one off TTL or hop limit. At 1 or 0 the controller gets the packet and the rest of this row of actions is
    left out; whoever resubmitted goes on.""",
    "dec_ttl | dec_ttl(ID,…)",
    _parse,
    lambda controllers: f"dec_ttl({','.join(controllers)})" if controllers else "dec_ttl",
    _lower,
    slot="dec_ttl",
)
