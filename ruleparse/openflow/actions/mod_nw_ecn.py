from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("mod_nw_ecn", "nw_ecn", "ip", "Sets the ECN bits of TOS or traffic class.")
