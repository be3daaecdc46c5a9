"""The numbers that a packet is inside a bridge: `struct flow` (lib/flow.h), and what a translation keeps beside it."""

from __future__ import annotations

from ruleparse.packet import Field, declare

PREFIX = "flow."
"""before each of these names, for the kernel has fields of the same names"""


def flow(name: str) -> str:
    return PREFIX + name


HEADERS: dict[str, tuple[int, str]] = {
    "in_port": (16, "port it came in by"),
    "dl_src": (48, "source Ethernet address"),
    "dl_dst": (48, "destination Ethernet address"),
    "dl_type": (16, "Ethernet type, behind all VLAN tags"),
    "vlan_tci": (16, "outer VLAN tag; bit 12 says that there is one"),
    "vlan_tci1": (16, "VLAN tag inside the outer one"),
    "mpls": (32, "outer MPLS label stack entry"),
    "mpls_inner": (64, "entries below it"),
    "mpls_type": (16, "Ethernet type behind the MPLS labels, where it is known"),
    "nw_src": (32, "IPv4 source, or ARP sender"),
    "nw_dst": (32, "IPv4 destination, or ARP target"),
    "ipv6_src": (128, "IPv6 source"),
    "ipv6_dst": (128, "IPv6 destination"),
    "ipv6_label": (20, "IPv6 flow label"),
    "nw_proto": (16, "IP protocol, or ARP opcode"),
    "nw_tos": (8, "TOS or traffic class"),
    "nw_ttl": (8, "TTL or hop limit"),
    "nw_frag": (8, "1 any fragment, 2 not the first"),
    "arp_sha": (48, "ARP sender, or link layer address of a neighbour solicitation"),
    "arp_tha": (48, "ARP target, or link layer address of a neighbour advertisement"),
    "nd_target": (128, "target of neighbour discovery"),
    "tp_src": (16, "source port, or ICMP type"),
    "tp_dst": (16, "destination port, or ICMP code"),
    "tcp_flags": (16, "TCP flags"),
    "igmp_group": (32, "multicast group, or the reserved word of neighbour discovery"),
    "metadata": (64, "metadata"),
    "pkt_mark": (32, "skb mark"),
    "skb_priority": (32, "skb priority"),
    "dp_hash": (32, "hash of the datapath"),
    "recirc_id": (32, "0 for a packet that was not recirculated"),
    "conj_id": (32, "conjunction that a lookup found; 0 outside of it"),
    "packet_type": (32, "0 for Ethernet"),
    "actset_output": (32, "output of the action set, while it has one and no group"),
    "ct_state": (8, "connection tracking state"),
    "ct_zone": (16, "connection tracking zone"),
    "ct_mark": (32, "connection mark"),
    "ct_label": (128, "connection label"),
    "ct_nw_proto": (8, "protocol of the connection"),
    "ct_nw_src": (32, "source of the original direction"),
    "ct_nw_dst": (32, "destination of the original direction"),
    "ct_ipv6_src": (128, "source of the original direction, IPv6"),
    "ct_ipv6_dst": (128, "destination of the original direction, IPv6"),
    "ct_tp_src": (16, "source port of the original direction"),
    "ct_tp_dst": (16, "destination port of the original direction"),
    "tun_id": (64, "tunnel key"),
    "tun_src": (32, "tunnel source"),
    "tun_dst": (32, "tunnel destination"),
    "tun_ipv6_src": (128, "tunnel source, IPv6"),
    "tun_ipv6_dst": (128, "tunnel destination, IPv6"),
    "tun_ttl": (8, "tunnel TTL"),
    "tun_tos": (8, "tunnel TOS"),
    "tun_flags": (16, "tunnel flags"),
    "tun_gbp_id": (16, "VXLAN group policy"),
    "tun_gbp_flags": (8, "VXLAN group policy flags"),
    "tun_erspan_ver": (8, "ERSPAN version"),
    "tun_erspan_idx": (20, "ERSPAN index"),
    "tun_erspan_dir": (8, "ERSPAN direction"),
    "tun_erspan_hwid": (8, "ERSPAN hardware"),
    "tun_gtpu_flags": (8, "GTP-U flags"),
    "tun_gtpu_msgtype": (8, "GTP-U message type"),
    "nsh_flags": (8, "NSH flags"),
    "nsh_ttl": (8, "NSH TTL"),
    "nsh_mdtype": (8, "NSH metadata type"),
    "nsh_np": (8, "NSH next protocol"),
    "nsh_path": (32, "NSH service path and index"),
    **{f"nsh_c{n}": (32, "NSH context") for n in (1, 2, 3, 4)},
    **{f"reg{n}": (32, "register") for n in range(32)},
    **{f"tun_metadata{n}": (992, "tunnel option") for n in range(64)},
}

STATES: dict[str, tuple[int, str]] = {
    "octets": (17, "length with the Ethernet header, 0 if it is not known"),
    "out_port": (16, "port that an output is on its way to"),
    "unused": (8, "bits that a field has on paper only"),
    "scratch": (1024, "bits being moved"),
    "stack": (2048, "what `push` left, the last lowest"),
    "stack_depth": (8, "how many"),
    "action_set": (512, "what write_actions left: 16 bits each, the last lowest"),
    "set_group": (1, "1 if the action set has a group"),
    "pass": (8, "how often it was recirculated"),
    "live": (1, "1 if it is sent, not only traced: the switch remembers what it leaves behind"),
    "ct_entry": (32, "number of its connection among those of the tracker, 0 if none"),
    "ct_back": (1, "1 if it goes the way of the connection's answers"),
    "ct_found": (8, "state in which the connection was found"),
    "ct_aside": (1, "1 where the datapath may have translated it, and the flows do not know"),
    "ct_said": (8, "of how many recirculations somebody said what conntrack finds"),
    "ct_next": (1024, "states that conntrack will find, 16 bits for each recirculation"),
    "next": (16, "where it goes on when this table is done; 0 for nowhere"),
    "round": (8, "how many copies waited for others before it"),
    "depth": (8, "resubmits back to the same or an earlier table, and groups"),
    "resubmits": (16, "tables entered"),
    "exited": (1, "1 once nothing more is done in this pass"),
    "failed": (1, "1 if this pass went wrong and does nothing at all"),
}


def describe(name: str, offset: int, width: int) -> str:
    """What some bits of a field are."""
    whole, doc = HEADERS[name]
    return doc if (offset, width) == (0, whole) else f"bits {offset} to {offset + width - 1} of: {doc}"


declare(*(Field(flow(n), width, doc, default=0) for n, (width, doc) in (HEADERS | STATES).items()))

OCTETS = flow("octets")
_HEADER, _TAG, _TAGGED = 14, 4, 0x1000


def octets(length: int, tci: int) -> int:
    """What a frame has in all, with `length` octets from the IP header on."""
    return length + _HEADER + (_TAG if tci & _TAGGED else 0)
