from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("mod_nw_dst", "ip_dst", "ipv4", "Sets the IPv4 destination.")
