from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("set_mpls_label", "mpls_label", "mpls", "Sets the outer MPLS label.", brackets=True)
