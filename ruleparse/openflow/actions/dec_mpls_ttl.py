from __future__ import annotations

from ruleparse.openflow.action import plain
from ruleparse.openflow.fields import flow
from ruleparse.openflow.keys import NEEDS
from ruleparse.openflow.steps import LEAVE, Steps
from ruleparse.program import Add, Emit, Masked

_LABEL = flow("mpls")


def _lower(_: None, steps: Steps) -> None:
    for case in NEEDS["mpls"]:
        for last in (0, 1):
            steps.when((*case, Masked(_LABEL, last, 0xFF)), Emit("controller"), LEAVE)
        steps.when(case, Add(_LABEL, -1, 0, (1 << 32) - 1))


ACTION = plain("dec_mpls_ttl", "Takes one off the TTL of the outer MPLS label.", _lower, slot="dec_mpls_ttl")
