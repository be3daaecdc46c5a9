from __future__ import annotations

from ruleparse.openflow.modify import modify

ACTION = modify("mod_tp_src", "tcp_src", "ports", "Sets the source port of TCP, UDP or SCTP.")
