from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("mod_nw_ttl", "nw_ttl", "ip", "Sets TTL or hop limit.")
