from __future__ import annotations

from ruleparse.openflow.action import plain
from ruleparse.openflow.fields import flow
from ruleparse.openflow.steps import EXIT, Steps
from ruleparse.program import Set


def _lower(_: None, steps: Steps) -> None:
    steps.do(Set(flow("exited"), 1), EXIT)


ACTION = plain("exit", "Ends everything: whoever resubmitted does not go on either.", _lower)
