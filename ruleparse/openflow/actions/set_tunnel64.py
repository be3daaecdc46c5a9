from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("set_tunnel64", "tun_id", "", "Sets the tunnel key.")
