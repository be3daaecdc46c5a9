from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("set_tunnel", "tun_id", "", "Sets the tunnel key, 32 bits.")
