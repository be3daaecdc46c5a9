"""Flows and their fields in a few words, for every report on sets of packets."""

from __future__ import annotations

from ruleparse.why_bridge import FlowStep

_FIELDS = ("in_port", "dl_", "nw_", "tp_", "tcp_src", "tcp_dst", "udp_", "sctp_", "arp_", "ipv6_", "nd_", "tun_")
_MORE = ("vlan_", "pkt_")


def spoken(name: str) -> str:
    """A field as people call it; those of flows have but one name."""
    return name if name.startswith((*_FIELDS, *_MORE)) else name.replace("_", " ")


def flow_in_words(s: FlowStep) -> str:
    """`table 80 (network policy), priority 50: reg1=0x1 → output:NXM_NX_REG2[]`"""
    table = f"table {s.table}" + (f" ({s.name})" if s.name and s.name != s.table else "")
    if s.priority is None:
        return f"{table}: no flow matches"
    return f"{table}, priority {s.priority}: {f'{s.match} ' if s.match else ''}→ {s.actions}"
