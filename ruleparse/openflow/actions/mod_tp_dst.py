from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("mod_tp_dst", "tcp_dst", "ports", "Sets the destination port of TCP, UDP or SCTP.")
