"""Random actions that change a packet, and ways for a flow to end."""

from __future__ import annotations

from tests.oracle.ovs.blanks import Kind, template
from tests.oracle.ovs.world import TRANSPORTS, Site

CHANGES = (
    template("", 12, "{loaded}", "{set}"),
    template(
        "", 3, *(f"move:NXM_NX_REG{{reg}}[0..15]->NXM_NX_REG{{reg_}}[{to}]" for to in ("16..31", "0..15", "8..23"))
    ),
    template("", 1, "move:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15]", "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]"),
    template("", 1, "move:NXM_OF_ETH_DST[0..31]->NXM_NX_REG2[]"),
    template("", 1, "set_field:0x1->xreg0", "load:0x5->NXM_NX_XXREG1[]", "set_field:0x100000002->xreg0"),
    template("", 1, "push:NXM_NX_REG{reg}[],pop:NXM_NX_REG{reg_}[]"),
    template("", 2, "mod_dl_dst:{mac}", "set_field:{mac}->eth_dst", "mod_dl_src:{mac}", "set_field:{mac}->eth_src"),
    template("", 1, "load:0x1->NXM_NX_PKT_MARK[]", "set_field:0x40->pkt_mark", "load:0x1->NXM_NX_PKT_MARK[4..7]"),
    template("", 1, "set_field:0x5->metadata", "set_field:0x7->tun_id"),
    template("", 1, "note:01.02.03.00.00.00"),
    template(
        "",
        1,
        "multipath(symmetric_l4,1024,modulo_n,4,0,NXM_NX_REG{reg}[0..3])",
        "multipath(symmetric_l3,7,hash_threshold,5,0,NXM_NX_REG{reg}[0..3])",
        "multipath(nw_src,50,modulo_n,3,0,NXM_NX_REG{reg}[0..3])",
        "multipath(symmetric_l3l4+udp,50,hrw,3,0,NXM_NX_REG{reg}[0..3])",
        "bundle_load(eth_src,7,active_backup,ofport,NXM_NX_REG{reg}[0..15],members:3,4)",
        "bundle_load(nw_dst,7,hrw,ofport,NXM_NX_REG{reg}[0..15],members:3,4,5)",
    ),
    template("ip", 2, "set_field:{address}->{ip}_src", "set_field:{address}->{ip}_dst"),
    template("ip4", 2, "mod_nw_src:{address}", "mod_nw_dst:{address}"),
    template("ip4", 1, "move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]", "move:NXM_OF_IP_DST[]->NXM_NX_REG3[]"),
    template("ip4", 1, "move:NXM_OF_IP_SRC[0..7]->NXM_NX_REG2[8..15]"),
    template("ip6", 1, "move:NXM_NX_IPV6_SRC[]->NXM_NX_IPV6_DST[]", "move:NXM_NX_IPV6_DST[]->NXM_NX_XXREG3[]"),
    template("ip6", 1, "move:NXM_NX_IPV6_SRC[0..31]->NXM_NX_REG3[]"),
    template("ip", 2, "dec_ttl", "dec_ttl", "mod_nw_tos:32", "set_field:46->ip_dscp", "mod_nw_ecn:1", "mod_nw_ttl:1"),
    template("ports", 2, "mod_tp_src:{tp}", "mod_tp_dst:{tp}"),
    template("ports", 2, "set_field:{tp}->{protocol}_src", "set_field:{tp}->{protocol}_dst"),
    template("arp", 2, "load:0x2->NXM_OF_ARP_OP[]", "set_field:{mac}->arp_sha", "set_field:{address}->arp_spa"),
    template("arp", 2, "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]", "move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]"),
    template("tagged", 6, "pop_vlan", "mod_vlan_vid:20", "mod_vlan_pcp:2", "set_field:4116->vlan_vid"),
    template("tracked", 1, "ct_clear"),
)
OUTPUTS = (
    template("", 5, "output:{port}"),
    template("", 2, "output:NXM_NX_REG1[]", "output:NXM_NX_REG1[0..15]"),
    template("", 1, "IN_PORT"),
    template("", 1, "LOCAL"),
    template("", 2, "CONTROLLER:65535", "controller(reason=no_match,id=62373,userdata=01.02)"),
    template("", 0.3, "FLOOD", "ALL"),
)
SNAT = {4: "nat(src=10.10.0.1)", 6: "nat(src=fd00:10:10::1)"}
NAT = (
    template("", 1, "nat"),
    template("ip", 2, "nat(dst={address})"),
    template("ip4", 2, SNAT[4], "nat(src=192.168.77.100-192.168.77.110)"),
    template("ip6", 2, SNAT[6], "nat(src=fd00:77::1-fd00:77::9)"),
)
NAT_PORTS = (
    template("ip4", 1, "nat(dst={address}:8080)", "nat(src=192.168.77.100-192.168.77.110:1024-2048)"),
    template("ip6", 1, "nat(dst=[{address}]:8080)"),
)
COMMITTED = (
    "set_field:0x10/0x10->ct_mark",
    "load:0x1->NXM_NX_CT_MARK[4]",
    "set_field:0x2->ct_mark",
    "load:0x1->NXM_NX_CT_LABEL[0..31]",
    "move:NXM_NX_REG0[0..3]->NXM_NX_CT_MARK[0..3]",
    "set_field:0x200000000/0xffffffff00000000->ct_label",
)
ZONES = ("65520", "65520", "65521", "NXM_NX_REG4[0..15]")


def random_change(site: Site, kind: Kind) -> str:
    able = [change for change in CHANGES if kind.has(change.need)]
    (chosen,) = site.random.choices(able, [change.share for change in able])
    return chosen.text(site, kind)


def output(site: Site) -> str:
    """One way out."""
    (way,) = site.random.choices(OUTPUTS, [way.share for way in OUTPUTS])
    return way.text(site, Kind())


def track(site: Site, kind: Kind, tables: list[int]) -> str:
    """Through conntrack, on to one of these tables."""
    random = site.random
    commits = not tables or site.chance(0.5)
    parts = ["commit", *(["force"] if site.chance(0.1) else [])] if commits else []
    parts += [f"table={random.choice(tables)}"] if tables else []
    parts.append(f"zone={random.choice(ZONES)}")
    if site.chance(0.4):
        parts.append(_nat(site, kind) if commits else "nat")
    if commits and site.chance(0.5):
        parts.append(f"exec({','.join(random.sample(COMMITTED, random.choice((1, 1, 2))))})")
    return f"ct({','.join(parts)})"


def _nat(site: Site, kind: Kind) -> str:
    kinds = NAT + NAT_PORTS * (kind.protocol in TRANSPORTS)
    return site.random.choice([nat for nat in kinds if kind.has(nat.need)]).text(site, kind)
