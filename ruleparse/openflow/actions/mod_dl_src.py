from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("mod_dl_src", "eth_src", "", "Sets the source Ethernet address.")
