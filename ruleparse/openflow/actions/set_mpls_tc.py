from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("set_mpls_tc", "mpls_tc", "mpls", "Sets the traffic class of the outer MPLS label.", brackets=True)
