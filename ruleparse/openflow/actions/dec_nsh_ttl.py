from __future__ import annotations

from ruleparse.openflow.action import plain
from ruleparse.openflow.fields import flow
from ruleparse.openflow.steps import LEAVE, Steps
from ruleparse.program import Add, Emit, Masked

_TTL = flow("nsh_ttl")


def _lower(_: None, steps: Steps) -> None:
    for last in (0, 1):
        steps.when((Masked(_TTL, last, 0xFF),), Emit("controller"), LEAVE)
    steps.do(Add(_TTL, -1, 0, 255))


ACTION = plain("dec_nsh_ttl", "Takes one off the TTL of the NSH header.", _lower, slot="dec_nsh_ttl")
