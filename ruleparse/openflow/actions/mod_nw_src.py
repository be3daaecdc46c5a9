from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("mod_nw_src", "ip_src", "ipv4", "Sets the IPv4 source.")
