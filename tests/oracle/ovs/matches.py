"""Random matches."""

from __future__ import annotations

from tests.oracle.ovs.blanks import Kind, template
from tests.oracle.ovs.world import Site

MATCHES = (
    template("", 0.2, "in_port={port}", "in_port={port}", "in_port={port}", "in_port=LOCAL"),
    template("", 0.3, "{held}"),
    template("", 0.03, "xreg0=0x100000002", "xreg1=0x3", "xreg0=0x1/0xffff", "xxreg1=0x5/0xff"),
    template("", 0.08, "dl_dst={mac}", "dl_dst={mac}", "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00"),
    template("", 0.06, "dl_src={mac}", "dl_src=02:50:00:00:00:00/ff:ff:00:00:00:00"),
    template("", 0.03, "pkt_mark=0x1/0x1", "pkt_mark=0x40", "tun_id=0x7", "tun_id=0/0x1"),
    template("", 0.03, "metadata=0x5", "metadata=0x1/0xff"),
    template("untagged", 0.03, "vlan_tci=0x0000", "vlan_tci=0x0000/0x1fff"),
    template("tagged", 1, "dl_vlan=10", "dl_vlan=20", "dl_vlan=10,dl_vlan_pcp=3", "vlan_tci=0x1000/0x1000"),
    template("ip", 0.4, "{dst}={prefix}"),
    template("ip", 0.3, "{src}={prefix}"),
    template("ip", 0.05, "nw_tos=32", "ip_dscp=10", "nw_ecn=1", "nw_ttl=64", "nw_ttl=1"),
    template("ip", 0.03, "nw_frag=no", "nw_frag=yes", "nw_frag=first", "nw_frag=not_later"),
    template("portless", 0.02, "nw_frag=later"),
    template("ports", 0.5, *["tp_dst={tp}"] * 6, "tp_dst=0x50/0xfff0", "tp_dst=0x8000/0x8000", "tp_dst=0/0x1"),
    template("ports", 0.1, "tp_src=1000", "tp_src=2000", "tp_src=80", "tp_src=0x8000/0x8000"),
    template("tcp", 0.08, "tcp_flags=+syn-ack", "tcp_flags=+ack", "tcp_flags=+rst", "tcp_flags=0x2/0x12"),
    template("icmp4", 0.5, "icmp_type=8", "icmp_type=8,icmp_code=0", "icmp_type=0", "icmp_type=3"),
    template("icmp6", 0.5, "icmpv6_type=128", "icmpv6_type=129,icmpv6_code=0", "icmpv6_type=135", "icmpv6_type=136"),
    template("arp", 0.5, "arp_op=1", "arp_op=1", "arp_op=2"),
    template("arp", 0.4, "arp_tpa={prefix}"),
    template("arp", 0.3, "arp_spa={prefix}", "arp_sha={mac}", "arp_tha={mac}"),
    template("tracked", 0.3, "ct_state={states}"),
    template("tracked", 0.1, "ct_mark=0x10/0x10", "ct_mark=0/0x10", "ct_mark=0x2", "ct_zone=65520"),
    template("tracked", 0.04, "ct_label=0x1/0xffffffff", "ct_label=0x200000000/0xffffffff00000000"),
)
MOST = 4


def random_kind(site: Site, tracked: bool) -> Kind:
    random = site.random
    tagged = site.chance(0.05)
    drawn = random.random()
    if drawn < 0.25:
        return Kind(tracked=tracked, tagged=tagged)
    if drawn < 0.35 and 4 in site.families:
        return Kind(arp=True, tagged=tagged)
    protocol = random.choice(("", "", "tcp", "tcp", "tcp", "udp", "udp", "sctp", "icmp"))
    return Kind(site.family(), protocol, tracked=tracked, tagged=tagged)


def random_match(site: Site, kind: Kind) -> tuple[str, ...]:
    chosen = [template for template in MATCHES if kind.has(template.need) and site.chance(template.share)]
    if len(chosen) > MOST:
        chosen = [template for template in chosen if template.share == 1] + site.random.sample(chosen, MOST)
    texts = [kind.keyword, *(template.text(site, kind) for template in dict.fromkeys(chosen))]
    return tuple(filter(None, texts))
