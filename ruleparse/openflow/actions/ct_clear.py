from __future__ import annotations

from ruleparse.openflow.action import plain
from ruleparse.openflow.fields import flow
from ruleparse.openflow.steps import Steps
from ruleparse.program import Set

STATE = ("state", "zone", "mark", "label", "nw_proto", "nw_src", "nw_dst", "ipv6_src", "ipv6_dst", "tp_src", "tp_dst")
UNTRACKED = tuple(Set(flow(f"ct_{name}"), 0) for name in STATE)
"""A packet that conntrack has not seen."""

_FORGOTTEN = tuple(Set(flow(f"ct_{name}"), 0) for name in ("entry", "back", "found"))


def _lower(_: None, steps: Steps) -> None:
    steps.do(*UNTRACKED, *_FORGOTTEN)


ACTION = plain("ct_clear", "Forgets what conntrack said of the packet.", _lower)
