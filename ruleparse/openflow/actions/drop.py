from __future__ import annotations

from ruleparse.openflow.action import plain

ACTION = plain("drop", "Does nothing: how ovs-ofctl writes a flow without actions.")
