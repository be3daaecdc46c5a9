from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("mod_dl_dst", "eth_dst", "", "Sets the destination Ethernet address.")
