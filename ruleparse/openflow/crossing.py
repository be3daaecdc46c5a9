"""Packets that cross between a bridge and the host that it is on: the same headers under both sides' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruleparse.bits import Number
from ruleparse.codec import show_address, show_mac
from ruleparse.openflow.fields import OCTETS, flow, octets

IP, IPV6 = 0x0800, 0x86DD
TCP, ICMP, ICMP6 = 6, 1, 58
PORTED = (6, 17, 132)

Known = Mapping[str, int | None]
"""Fields of the kernel's, None for what is not known."""


def needed(packet: Known) -> list[str]:
    """Which options say what a bridge has to know of a packet and nobody said."""
    names = ["src", "dst", "proto"]
    names += ["sport", "dport"] if packet.get("proto") in PORTED else []
    names += ["icmp_type"] if packet.get("proto") in (ICMP, ICMP6) else []
    return [f"--{name.replace('_', '-')}" for name in names if packet.get(name) is None]


def into_bridge(packet: Known, family: int, port: int, macs: tuple[int, int]) -> dict[str, Number]:
    """A packet of the kernel's that comes in by a port, its Ethernet addresses being source and destination."""

    def known(name: str) -> int:
        return packet.get(name) or 0

    source, target = ("nw_src", "nw_dst") if family == 4 else ("ipv6_src", "ipv6_dst")
    ends = ("icmp_type", "icmp_code") if known("proto") in (ICMP, ICMP6) else ("sport", "dport")
    values = {
        "in_port": port,
        "dl_src": macs[0],
        "dl_dst": macs[1],
        "dl_type": IP if family == 4 else IPV6,
        source: known("src"),
        target: known("dst"),
        "nw_proto": known("proto"),
        "nw_ttl": known("ttl"),
        "nw_tos": known("tos"),
        "tp_src": known(ends[0]),
        "tp_dst": known(ends[1]),
        "tcp_flags": known("tcp_flags") if known("proto") == TCP else 0,
        "pkt_mark": known("mark"),
    }
    found: dict[str, Number] = {flow(name): value for name, value in values.items()}
    return found | {OCTETS: octets(known("length"), 0)} if known("length") else found


_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


def into_host(packet: Mapping[str, Number]) -> dict[str, Any] | None:
    """The options of `why` for a packet that a bridge hands to its host; None if that does not route such packets."""

    def known(name: str) -> int:
        value = packet.get(flow(name), 0)
        assert isinstance(value, int), "packets of bridges are known"
        return value

    kind, proto = known("dl_type"), known("nw_proto")
    if kind not in (IP, IPV6) or known("vlan_tci"):
        return None
    family = 4 if kind == IP else 6
    source, target = ("nw_src", "nw_dst") if family == 4 else ("ipv6_src", "ipv6_dst")
    spec: dict[str, Any] = {"src": show_address(known(source), family), "dst": show_address(known(target), family)}
    spec |= {"proto": str(proto), "mark": str(known("pkt_mark")), "tos": str(known("nw_tos"))}
    spec |= {"src_mac": show_mac(known("dl_src")), "dst_mac": show_mac(known("dl_dst"))}
    if known("nw_ttl"):
        spec["ttl"] = str(known("nw_ttl"))
    if proto in (ICMP, ICMP6):
        spec["icmp_type"] = f"{known('tp_src')}/{known('tp_dst')}"
    elif proto in PORTED:
        spec |= {"sport": str(known("tp_src")), "dport": str(known("tp_dst"))}
    if proto == TCP and known("tcp_flags"):
        spec["tcp_flags"] = ",".join(name for bit, name in enumerate(_FLAGS) if known("tcp_flags") >> bit & 1)
    return spec
