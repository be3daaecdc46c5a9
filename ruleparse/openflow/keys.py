"""Every field of a flow, one row each: its names, where its bits are, how it is written, what must hold for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from ruleparse.openflow.fields import describe, flow
from ruleparse.openflow.formats import (
    CT_STATES,
    DECIMAL,
    FRAG,
    GBP,
    HEX,
    HEX4,
    HEX5,
    IPV4,
    IPV6,
    MAC,
    PACKET_TYPE,
    TCP_FLAGS,
    TUN_FLAGS,
    VLAN_VID,
    Format,
    flags,
    full,
)
from ruleparse.program import Masked

State = Literal["exact", "unknown", "inert"]
"""exact: decided wherever dump and packet settle it. unknown: always an assumption. inert: changes no packet's way."""


@dataclass(frozen=True, slots=True)
class Part:
    """`width` bits of a field of the packet, from bit `offset` on."""

    field: str
    offset: int
    width: int


@dataclass(frozen=True, slots=True)
class FlowKey:
    """A field that flows match and actions set (ovs-fields(7)).

    `name` is how `set_field` calls it, `shown` how a match is printed, `headers` how NXM and OXM call it.
    `parts` hold its bits, the least significant first. `needs` is the protocol that it belongs to.
    """

    name: str
    shown: str
    headers: tuple[str, ...]
    width: int
    format: Format
    parts: tuple[Part, ...]
    needs: str = ""
    aliases: tuple[str, ...] = ()
    set_format: Format | None = None
    """where `set_field` writes it otherwise"""
    present: Masked | None = None
    """what a match on it also says, such as that there is a VLAN tag"""
    fixed: bool = False
    """whether no action may write it"""
    state: State = "exact"

    @property
    def doc(self) -> str:
        """What its bits are in a packet."""
        return "; ".join(
            dict.fromkeys(
                describe(part.field, part.offset, part.width) for part in self.parts if part.field != "unused"
            )
        )

    def tests(self, value: int, mask: int) -> Iterator[Masked]:
        """Conditions on the packet under which it is `value` under `mask`."""
        at = 0
        for part in self.parts:
            bits = full(part.width)
            if part_mask := mask >> at & bits:
                yield Masked(flow(part.field), (value >> at & part_mask) << part.offset, part_mask << part.offset)
            at += part.width
        if self.present is not None and mask:
            yield self.present

    def parse(self, text: str) -> tuple[int, int]:
        """Its value and mask as a match writes them. Raises ValueError."""
        return self.format.parse(text, self.width)

    def show(self, value: int, mask: int) -> str:
        return self.format.show(value, mask, self.width)

    def parse_set(self, text: str) -> tuple[int, int]:
        """Its value and mask as `set_field` writes them. Raises ValueError."""
        return (self.set_format or self.format).parse(text, self.width)

    def show_set(self, value: int, mask: int) -> str:
        return (self.set_format or self.format).show(value, mask, self.width)


@dataclass(frozen=True, slots=True)
class Keyword:
    """A protocol that a match names: short for some fields."""

    name: str
    values: Mapping[str, int]
    doc: str = ""


_IP, _IPV6, _ARP = 0x0800, 0x86DD, 0x0806

KEYWORDS: dict[str, Keyword] = {
    k.name: k
    for k in (
        Keyword("eth", {"packet_type": 0}, "Ethernet frames"),
        Keyword("ip", {"dl_type": _IP}, "IPv4"),
        Keyword("ipv6", {"dl_type": _IPV6}, "IPv6"),
        Keyword("ip6", {"dl_type": _IPV6}, "IPv6, as people write it"),
        Keyword("arp", {"dl_type": _ARP}, "ARP"),
        Keyword("rarp", {"dl_type": 0x8035}, "RARP"),
        Keyword("mpls", {"dl_type": 0x8847}, "MPLS unicast"),
        Keyword("mplsm", {"dl_type": 0x8848}, "MPLS multicast"),
        Keyword("icmp", {"dl_type": _IP, "nw_proto": 1}, "ICMP"),
        Keyword("tcp", {"dl_type": _IP, "nw_proto": 6}, "TCP over IPv4"),
        Keyword("udp", {"dl_type": _IP, "nw_proto": 17}, "UDP over IPv4"),
        Keyword("sctp", {"dl_type": _IP, "nw_proto": 132}, "SCTP over IPv4"),
        Keyword("igmp", {"dl_type": _IP, "nw_proto": 2}, "IGMP"),
        Keyword("icmp6", {"dl_type": _IPV6, "nw_proto": 58}, "ICMPv6"),
        Keyword("tcp6", {"dl_type": _IPV6, "nw_proto": 6}, "TCP over IPv6"),
        Keyword("udp6", {"dl_type": _IPV6, "nw_proto": 17}, "UDP over IPv6"),
        Keyword("sctp6", {"dl_type": _IPV6, "nw_proto": 132}, "SCTP over IPv6"),
    )
}

NEEDS: Mapping[str, tuple[tuple[Masked, ...], ...]] = {
    "": ((),),
    "ipv4": ((Masked(flow("dl_type"), _IP, -1),),),
    "ipv6": ((Masked(flow("dl_type"), _IPV6, -1),),),
    "ip": tuple((Masked(flow("dl_type"), t, -1),) for t in (_IP, _IPV6)),
    "arp": tuple((Masked(flow("dl_type"), t, -1),) for t in (_ARP, 0x8035)),
    "mpls": tuple((Masked(flow("dl_type"), t, -1),) for t in (0x8847, 0x8848)),
    "vlan": ((Masked(flow("vlan_tci"), 0x1000, 0x1000),),),
    **{
        name: tuple(
            (Masked(flow("dl_type"), t, -1), Masked(flow("nw_proto"), p, -1), Masked(flow("nw_frag"), 0, 2))
            for t in (_IP, _IPV6)
        )
        for name, p in (("tcp", 6), ("udp", 17), ("sctp", 132))
    },
    "ports": tuple((Masked(flow("dl_type"), t, -1), Masked(flow("nw_frag"), 0, 2)) for t in (_IP, _IPV6)),
    "icmp4": ((Masked(flow("dl_type"), _IP, -1), Masked(flow("nw_proto"), 1, -1), Masked(flow("nw_frag"), 0, 2)),),
    "icmp6": ((Masked(flow("dl_type"), _IPV6, -1), Masked(flow("nw_proto"), 58, -1), Masked(flow("nw_frag"), 0, 2)),),
    "nd": tuple(
        (
            Masked(flow("dl_type"), _IPV6, -1),
            Masked(flow("nw_proto"), 58, -1),
            Masked(flow("nw_frag"), 0, 2),
            Masked(flow("tp_src"), kind, -1),
        )
        for kind in (135, 136)
    ),
}
"""When a field exists: one of some sets of conditions (lib/meta-flow.c, mf_are_prereqs_ok)."""


def _key(
    name: str, headers: str, width: int, form: Format, needs: str = "", at: str | tuple[Part, ...] = "", **more: object
) -> FlowKey:
    parts = at if isinstance(at, tuple) else (Part(at or name, 0, width),)
    key = FlowKey(name, name, tuple(headers.split()), width, form, parts, needs)
    return replace(key, **more)  # type: ignore[arg-type]


_TAGGED = Masked(flow("vlan_tci"), 0x1000, 0x1000)

KEYS: tuple[FlowKey, ...] = (
    # metadata
    _key("dp_hash", "NXM_NX_DP_HASH", 32, HEX, fixed=True),
    _key("recirc_id", "NXM_NX_RECIRC_ID", 32, HEX, fixed=True),
    _key("packet_type", "OXM_OF_PACKET_TYPE", 32, PACKET_TYPE, fixed=True),
    _key("conj_id", "NXM_NX_CONJ_ID", 32, DECIMAL, fixed=True),
    # tunnels
    _key("tun_id", "NXM_NX_TUN_ID OXM_OF_TUNNEL_ID", 64, HEX, aliases=("tunnel_id",)),
    _key("tun_src", "NXM_NX_TUN_IPV4_SRC", 32, IPV4),
    _key("tun_dst", "NXM_NX_TUN_IPV4_DST", 32, IPV4),
    _key("tun_ipv6_src", "NXM_NX_TUN_IPV6_SRC", 128, IPV6),
    _key("tun_ipv6_dst", "NXM_NX_TUN_IPV6_DST", 128, IPV6),
    _key("tun_ttl", "", 8, DECIMAL),
    _key("tun_tos", "", 8, DECIMAL),
    _key("tun_flags", "NXM_NX_TUN_FLAGS", 16, flags(TUN_FLAGS, plus=True)),
    _key("tun_gbp_id", "NXM_NX_TUN_GBP_ID", 16, GBP),
    _key("tun_gbp_flags", "NXM_NX_TUN_GBP_FLAGS", 8, HEX),
    _key("tun_erspan_ver", "NXOXM_ET_ERSPAN_VER", 8, DECIMAL),
    _key("tun_erspan_idx", "NXOXM_ET_ERSPAN_IDX", 32, HEX, at=(Part("tun_erspan_idx", 0, 20),)),
    _key("tun_erspan_dir", "NXOXM_ET_ERSPAN_DIR", 8, DECIMAL),
    _key("tun_erspan_hwid", "NXOXM_ET_ERSPAN_HWID", 8, HEX),
    _key("tun_gtpu_flags", "NXOXM_ET_GTPU_FLAGS", 8, HEX, shown="gtpu_flags", fixed=True),
    _key("tun_gtpu_msgtype", "NXOXM_ET_GTPU_MSGTYPE", 8, DECIMAL, shown="gtpu_msgtype", fixed=True),
    *(_key(f"tun_metadata{n}", f"NXM_NX_TUN_METADATA{n}", 992, HEX) for n in range(64)),
    # where it is
    _key("metadata", "OXM_OF_METADATA", 64, HEX),
    _key("in_port", "NXM_OF_IN_PORT", 16, DECIMAL),
    _key("in_port_oxm", "OXM_OF_IN_PORT", 32, DECIMAL, at=(Part("in_port", 0, 16),)),
    _key("actset_output", "ONFOXM_ET_ACTSET_OUTPUT OXM_OF_ACTSET_OUTPUT", 32, DECIMAL, fixed=True),
    _key("skb_priority", "NXM_NX_SKB_PRIORITY", 32, HEX, fixed=True),
    _key("pkt_mark", "NXM_NX_PKT_MARK", 32, HEX),
    # connection tracking
    _key("ct_state", "NXM_NX_CT_STATE", 32, flags(CT_STATES), at=(Part("ct_state", 0, 8),), fixed=True),
    _key("ct_zone", "NXM_NX_CT_ZONE", 16, DECIMAL, fixed=True),
    _key("ct_mark", "NXM_NX_CT_MARK", 32, HEX),
    _key("ct_label", "NXM_NX_CT_LABEL", 128, HEX),
    _key("ct_nw_proto", "NXM_NX_CT_NW_PROTO", 8, DECIMAL, fixed=True),
    _key("ct_nw_src", "NXM_NX_CT_NW_SRC", 32, IPV4, fixed=True),
    _key("ct_nw_dst", "NXM_NX_CT_NW_DST", 32, IPV4, fixed=True),
    _key("ct_ipv6_src", "NXM_NX_CT_IPV6_SRC", 128, IPV6, fixed=True),
    _key("ct_ipv6_dst", "NXM_NX_CT_IPV6_DST", 128, IPV6, fixed=True),
    _key("ct_tp_src", "NXM_NX_CT_TP_SRC", 16, DECIMAL, fixed=True),
    _key("ct_tp_dst", "NXM_NX_CT_TP_DST", 16, DECIMAL, fixed=True),
    # registers
    *(_key(f"reg{n}", f"NXM_NX_REG{n}", 32, HEX) for n in range(32)),
    *(
        _key(f"xreg{n}", f"OXM_OF_PKT_REG{n}", 64, HEX, at=(Part(f"reg{2 * n + 1}", 0, 32), Part(f"reg{2 * n}", 0, 32)))
        for n in range(16)
    ),
    *(
        _key(f"xxreg{n}", f"NXM_NX_XXREG{n}", 128, HEX, at=tuple(Part(f"reg{4 * n + k}", 0, 32) for k in (3, 2, 1, 0)))
        for n in range(8)
    ),
    # Ethernet
    _key("eth_src", "NXM_OF_ETH_SRC OXM_OF_ETH_SRC", 48, MAC, at="dl_src", shown="dl_src"),
    _key("eth_dst", "NXM_OF_ETH_DST OXM_OF_ETH_DST", 48, MAC, at="dl_dst", shown="dl_dst"),
    _key("eth_type", "NXM_OF_ETH_TYPE OXM_OF_ETH_TYPE", 16, HEX4, at="dl_type", shown="dl_type", fixed=True),
    _key("vlan_tci", "NXM_OF_VLAN_TCI", 16, HEX4),
    _key("vlan_tci1", "", 16, HEX4),
    _key("dl_vlan", "", 12, DECIMAL, at=(Part("vlan_tci", 0, 12),), present=_TAGGED),
    _key("dl_vlan_pcp", "", 3, DECIMAL, at=(Part("vlan_tci", 13, 3),), present=_TAGGED),
    _key(
        "vlan_vid",
        "OXM_OF_VLAN_VID",
        12,
        DECIMAL,
        "vlan",
        (Part("vlan_tci", 0, 12),),
        present=_TAGGED,
        set_format=VLAN_VID,
    ),
    _key("vlan_pcp", "OXM_OF_VLAN_PCP", 3, DECIMAL, "vlan", (Part("vlan_tci", 13, 3),), present=_TAGGED),
    _key("dl_vlan1", "", 12, DECIMAL, at=(Part("vlan_tci1", 0, 12),)),
    _key("dl_vlan_pcp1", "", 3, DECIMAL, at=(Part("vlan_tci1", 13, 3),)),
    _key("mpls_label", "OXM_OF_MPLS_LABEL", 20, DECIMAL, "mpls", (Part("mpls", 12, 20),)),
    _key("mpls_tc", "OXM_OF_MPLS_TC", 3, DECIMAL, "mpls", (Part("mpls", 9, 3),)),
    _key("mpls_bos", "OXM_OF_MPLS_BOS", 1, DECIMAL, "mpls", (Part("mpls", 8, 1),), fixed=True),
    _key("mpls_ttl", "NXM_NX_MPLS_TTL", 8, DECIMAL, "mpls", (Part("mpls", 0, 8),)),
    # IP
    _key("ip_src", "NXM_OF_IP_SRC OXM_OF_IPV4_SRC", 32, IPV4, "ipv4", "nw_src", shown="nw_src"),
    _key("ip_dst", "NXM_OF_IP_DST OXM_OF_IPV4_DST", 32, IPV4, "ipv4", "nw_dst", shown="nw_dst"),
    _key("ipv6_src", "NXM_NX_IPV6_SRC OXM_OF_IPV6_SRC", 128, IPV6, "ipv6"),
    _key("ipv6_dst", "NXM_NX_IPV6_DST OXM_OF_IPV6_DST", 128, IPV6, "ipv6"),
    _key("ipv6_label", "NXM_NX_IPV6_LABEL OXM_OF_IPV6_FLABEL", 20, HEX5, "ipv6", aliases=("nw_label",), set_format=HEX),
    _key(
        "nw_proto",
        "NXM_OF_IP_PROTO OXM_OF_IP_PROTO",
        8,
        DECIMAL,
        "ip",
        (Part("nw_proto", 0, 8),),
        aliases=("ip_proto",),
        fixed=True,
    ),
    _key("nw_tos", "NXM_OF_IP_TOS", 8, DECIMAL, "ip", (Part("unused", 0, 2), Part("nw_tos", 2, 6))),
    _key("ip_dscp", "OXM_OF_IP_DSCP", 6, DECIMAL, "ip", (Part("nw_tos", 2, 6),)),
    _key("nw_ecn", "NXM_NX_IP_ECN OXM_OF_IP_ECN", 2, DECIMAL, "ip", (Part("nw_tos", 0, 2),), aliases=("ip_ecn",)),
    _key("nw_ttl", "NXM_NX_IP_TTL", 8, DECIMAL, "ip"),
    _key("ip_frag", "NXM_NX_IP_FRAG", 8, FRAG, "ip", "nw_frag", shown="nw_frag", fixed=True),
    # ARP
    _key("arp_op", "NXM_OF_ARP_OP OXM_OF_ARP_OP", 16, DECIMAL, "arp", "nw_proto"),
    _key("arp_spa", "NXM_OF_ARP_SPA OXM_OF_ARP_SPA", 32, IPV4, "arp", "nw_src"),
    _key("arp_tpa", "NXM_OF_ARP_TPA OXM_OF_ARP_TPA", 32, IPV4, "arp", "nw_dst"),
    _key("arp_sha", "NXM_NX_ARP_SHA OXM_OF_ARP_SHA", 48, MAC, "arp"),
    _key("arp_tha", "NXM_NX_ARP_THA OXM_OF_ARP_THA", 48, MAC, "arp"),
    # transport
    _key("tcp_src", "NXM_OF_TCP_SRC OXM_OF_TCP_SRC", 16, DECIMAL, "tcp", "tp_src", shown="tp_src"),
    _key("tcp_dst", "NXM_OF_TCP_DST OXM_OF_TCP_DST", 16, DECIMAL, "tcp", "tp_dst", shown="tp_dst"),
    _key(
        "tcp_flags",
        "NXM_NX_TCP_FLAGS ONFOXM_ET_TCP_FLAGS OXM_OF_TCP_FLAGS",
        12,
        flags(TCP_FLAGS),
        "tcp",
        (Part("tcp_flags", 0, 12),),
        fixed=True,
    ),
    _key("udp_src", "NXM_OF_UDP_SRC OXM_OF_UDP_SRC", 16, DECIMAL, "udp", "tp_src", shown="tp_src"),
    _key("udp_dst", "NXM_OF_UDP_DST OXM_OF_UDP_DST", 16, DECIMAL, "udp", "tp_dst", shown="tp_dst"),
    _key("sctp_src", "OXM_OF_SCTP_SRC", 16, DECIMAL, "sctp", "tp_src", shown="tp_src"),
    _key("sctp_dst", "OXM_OF_SCTP_DST", 16, DECIMAL, "sctp", "tp_dst", shown="tp_dst"),
    _key("icmp_type", "NXM_OF_ICMP_TYPE OXM_OF_ICMPV4_TYPE", 8, DECIMAL, "icmp4", (Part("tp_src", 0, 8),)),
    _key("icmp_code", "NXM_OF_ICMP_CODE OXM_OF_ICMPV4_CODE", 8, DECIMAL, "icmp4", (Part("tp_dst", 0, 8),)),
    _key(
        "icmpv6_type",
        "NXM_NX_ICMPV6_TYPE OXM_OF_ICMPV6_TYPE",
        8,
        DECIMAL,
        "icmp6",
        (Part("tp_src", 0, 8),),
        shown="icmp_type",
    ),
    _key(
        "icmpv6_code",
        "NXM_NX_ICMPV6_CODE OXM_OF_ICMPV6_CODE",
        8,
        DECIMAL,
        "icmp6",
        (Part("tp_dst", 0, 8),),
        shown="icmp_code",
    ),
    _key("nd_target", "NXM_NX_ND_TARGET OXM_OF_IPV6_ND_TARGET", 128, IPV6, "nd"),
    _key("nd_sll", "NXM_NX_ND_SLL OXM_OF_IPV6_ND_SLL", 48, MAC, "nd", "arp_sha"),
    _key("nd_tll", "NXM_NX_ND_TLL OXM_OF_IPV6_ND_TLL", 48, MAC, "nd", "arp_tha"),
    _key("nd_reserved", "ERICOXM_OF_ICMPV6_ND_RESERVED", 32, DECIMAL, "nd", "igmp_group"),
    _key("nd_options_type", "ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE", 8, DECIMAL, "nd", (Part("tcp_flags", 0, 8),)),
    # NSH
    _key("nsh_flags", "NXOXM_NSH_FLAGS", 8, DECIMAL),
    _key("nsh_ttl", "NXOXM_NSH_TTL", 8, DECIMAL),
    _key("nsh_mdtype", "NXOXM_NSH_MDTYPE", 8, DECIMAL, fixed=True),
    _key("nsh_np", "NXOXM_NSH_NP", 8, DECIMAL, fixed=True),
    _key("nsh_spi", "NXOXM_NSH_SPI", 24, HEX, at=(Part("nsh_path", 8, 24),)),
    _key("nsh_si", "NXOXM_NSH_SI", 8, DECIMAL, at=(Part("nsh_path", 0, 8),)),
    *(_key(f"nsh_c{n}", f"NXOXM_NSH_C{n}", 32, HEX) for n in (1, 2, 3, 4)),
)

BY_NAME: Mapping[str, FlowKey] = {
    **{k.shown: k for k in reversed(KEYS)},
    **{n: k for k in reversed(KEYS) for n in (k.name, *k.aliases)},
}
BY_HEADER: Mapping[str, FlowKey] = {h: k for k in KEYS for h in k.headers}
PORT_KEYS = frozenset({"in_port", "in_port_oxm", "actset_output"})
"""Keys whose value is a port, and may be written as its name."""


def matched(name: str, protocol: str = "") -> FlowKey | None:
    """The key that a match calls so; `tp_src`, `icmp_type` … mean those of the protocol before it."""
    return _by_protocol(name, protocol) or BY_NAME.get(name)


@lru_cache(1 << 10)
def _by_protocol(name: str, protocol: str) -> FlowKey | None:
    base = protocol.rstrip("6")
    if name in ("tp_src", "tp_dst"):
        return BY_NAME.get(f"{base}_{name[3:]}" if base in ("tcp", "udp", "sctp") else f"tcp_{name[3:]}")
    if name in ("icmp_type", "icmp_code") and protocol == "icmp6":
        return BY_NAME[f"icmpv6_{name[5:]}"]
    return None


@dataclass(frozen=True, slots=True)
class Subfield:
    """Some bits of a field, as `NXM_NX_REG0[0..15]`; `header` is how it was written."""

    key: FlowKey
    offset: int
    width: int
    header: str

    def __str__(self) -> str:
        if self.offset == 0 and self.width == self.key.width:
            return f"{self.header}[]"
        if self.width == 1:
            return f"{self.header}[{self.offset}]"
        return f"{self.header}[{self.offset}..{self.offset + self.width - 1}]"

    def parts(self) -> Iterator[Part]:
        """Where its bits are, the least significant first."""
        at = 0
        for part in self.key.parts:
            low, high = max(at, self.offset), min(at + part.width, self.offset + self.width)
            if low < high:
                yield Part(flow(part.field), part.offset + low - at, high - low)
            at += part.width


@lru_cache(1 << 12)
def subfield(text: str) -> Subfield:
    """`NXM_NX_REG0[0..15]`, `reg0[3]`, `reg0`. Raises ValueError."""
    header, bracket, rest = text.partition("[")
    key = BY_HEADER.get(header) or BY_NAME.get(header)
    if key is None or (bracket and not rest.endswith("]")):
        raise ValueError(f"{text} is not a field")
    low, dots, high = rest[:-1].partition("..") if bracket else ("", "", "")
    if not low:
        return Subfield(key, 0, key.width, header)
    first = int(low)
    last = int(high) if dots else first
    if not first <= last < key.width:
        raise ValueError(f"{text}: {key.name} has {key.width} bits")
    return Subfield(key, first, last - first + 1, header)
