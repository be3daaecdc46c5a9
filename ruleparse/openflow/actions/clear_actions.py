from __future__ import annotations

from ruleparse.openflow.action import plain
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import PORTS
from ruleparse.openflow.steps import Steps
from ruleparse.program import Set


def _lower(_: None, steps: Steps) -> None:
    steps.do(Set(flow("action_set"), 0), Set(flow("set_group"), 0), Set(flow("actset_output"), PORTS["UNSET"]))


ACTION = plain("clear_actions", "Empties the packet's action set.", _lower)
