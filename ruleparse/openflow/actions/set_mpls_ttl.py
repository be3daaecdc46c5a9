from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("set_mpls_ttl", "mpls_ttl", "mpls", "Sets the TTL of the outer MPLS label.", brackets=True)
