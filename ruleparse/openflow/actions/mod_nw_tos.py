from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("mod_nw_tos", "nw_tos", "ip", "Sets the DSCP bits of TOS or traffic class; the other two stay.")
