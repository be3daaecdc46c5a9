"""The fields of a packet on its way through netfilter. Names follow the command line where they are asked for there."""

from __future__ import annotations

from ruleparse.packet import Field, declare

INVALID, ESTABLISHED, RELATED, NEW, SNAT, DNAT, UNTRACKED = 1, 2, 4, 8, 32, 64, 128
"""Bits of ct_state, as in linux/netfilter/xt_conntrack.h."""

EXPECTED, SEEN_REPLY, ASSURED, CONFIRMED, SRC_NAT, DST_NAT = 1, 2, 4, 8, 16, 32
"""Bits of ct_status: enum ip_conntrack_status, linux/netfilter/nf_conntrack_common.h."""

UNICAST, LOCAL, BROADCAST, ANYCAST, MULTICAST, BLACKHOLE, UNREACHABLE, PROHIBIT, THROW, NAT = range(1, 11)
"""Values of route_type: RTN_… of linux/rtnetlink.h; 0 is RTN_UNSPEC, no route at all."""

TCP, UDP, ICMP, ICMP6, SCTP, DCCP, UDPLITE, ESP, AH, GRE = 6, 17, 1, 58, 132, 33, 136, 50, 51, 47

SPOILT_HERE = 2
"""Value of checksum_right: a rule of this node has spoilt it."""

HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")

declare(
    # where it is
    Field("in", 128, "interface it came in by, 16 bytes; empty for packets of this node", default=None),
    Field("out", 128, "interface it leaves by, as rules see it"),
    Field("hook", 3, "where in the kernel it is (enum nf_inet_hooks, linux/netfilter.h)", default=0, values=HOOKS),
    Field("local", 1, "1 if this node sent it", default=0),
    Field("looped", 1, "1 on the second pass of a packet from this node to itself", default=0),
    Field("mark", 32, "skb mark (nfmark)", default=0),
    Field("priority", 32, "skb priority", default=0),
    Field("pkttype", 3, "0 host, 1 broadcast, 2 multicast, 3 otherhost (linux/if_packet.h)", default=0),
    Field("ipvs", 1, "1 once IPVS has sent it to a server, or to the client", default=0),
    Field("ipsec", 1, "1 if it came out of IPsec, or is about to go into it", default=0),
    Field("src_mac", 48, "source Ethernet address"),
    Field("dst_mac", 48, "destination Ethernet address"),
    Field("socket", 1, "1 if a local socket sent it", default=0),
    Field("uid", 32, "owner of the socket that sent it", needs="local"),
    Field("gid", 32, "group of the socket that sent it", needs="local"),
    Field("time", 64, "when it arrives, in seconds since 1970 (UTC)"),
    # IP
    Field("src", 128, "source address"),
    Field("dst", 128, "destination address"),
    Field("proto", 8, "protocol; in IPv6 that behind the extension headers"),
    Field("ttl", 8, "TTL or hop limit", default=64),
    Field("tos", 8, "TOS or traffic class"),
    Field("length", 16, "total length, octets"),
    Field("fragment", 13, "fragment offset, units of 8 octets", default=0),
    Field("more_fragments", 1, "MF bit", default=0),
    # behind it
    Field("sport", 16, "source port", needs="tcp, udp, sctp, dccp, udplite"),
    Field("dport", 16, "destination port", needs="tcp, udp, sctp, dccp, udplite"),
    Field("tcp_flags", 8, "FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128", needs="tcp"),
    Field("icmp_type", 8, "ICMP or ICMPv6 type", needs="icmp, ipv6-icmp"),
    Field("icmp_code", 8, "ICMP or ICMPv6 code", needs="icmp, ipv6-icmp"),
    Field("icmp_id", 16, "identifier of an echo", needs="icmp, ipv6-icmp", default=0),
    Field("spi", 32, "security parameter index", needs="esp, ah"),
    Field("gre_version", 3, "version of a GRE header", needs="gre", default=0),
    Field("transport_length", 16, "octets there are from the transport header on", default=0xFFFF),
    Field("well_formed", 1, "1 if conntrack takes the transport header for sound", default=1),
    Field(
        "checksum_right",
        2,
        "1 if the transport checksum is right, as conntrack sums it; else 0, or SPOILT_HERE",
        default=1,
    ),
    # its connection
    Field("ct_state", 8, "INVALID 1, ESTABLISHED 2, RELATED 4, NEW 8, UNTRACKED 128", default=INVALID),
    Field("ct_given", 8, "the state somebody asked for, 0 to find it out", default=0),
    Field("ct_status", 16, "EXPECTED 1, SEEN_REPLY 2, ASSURED 4, CONFIRMED 8, SRC_NAT 16, DST_NAT 32", default=0),
    Field("ct_dir", 1, "0 original, 1 reply", default=0),
    Field("ct_mark", 32, "connection mark", default=0),
    Field("ct_zone", 16, "conntrack zone", default=0),
    Field("ct_proto", 8, "protocol of the connection", default=0),
    Field("ct_src", 128, "source of the original direction", default=0),
    Field("ct_dst", 128, "destination of the original direction", default=0),
    Field("ct_sport", 16, "source port of the original direction", default=0),
    Field("ct_dport", 16, "destination port of the original direction", default=0),
    Field("ct_reply_src", 128, "source of the reply direction", default=0),
    Field("ct_reply_dst", 128, "destination of the reply direction", default=0),
    Field("ct_reply_sport", 16, "source port of the reply direction", default=0),
    Field("ct_reply_dport", 16, "destination port of the reply direction", default=0),
    Field("ct_zone_reply", 16, "conntrack zone of the reply direction", default=0),
    Field("ct_pending", 1, "1 until conntrack has looked at the packet", default=1),
    Field("ct_known", 1, "1 if an earlier packet's connection settles what this one is", default=0),
    Field("ct_began", 1, "1 if the packet starts a connection", default=0),
    Field("ct_entry", 32, "number of the connection of an earlier packet, 0 if it has none", default=0),
    Field("ct_replaced", 32, "number of the connection that this packet has ended, 0 if none", default=0),
    Field("ct_error", 1, "1 for an ICMP error about a connection", default=0),
    Field("ct_packets_original", 64, "packets of the connection, this one included, original direction"),
    Field("ct_packets_reply", 64, "packets of the connection, this one included, reply direction"),
    Field("ct_octets_original", 64, "octets of the connection, this packet included, original direction"),
    Field("ct_octets_reply", 64, "octets of the connection, this packet included, reply direction"),
    Field("tuple_taken", 1, "1 if answers to the packet would look like packets of another connection", default=0),
    Field("port_fixed", 1, "1 if a rule leaves NAT no choice of the source port", default=0),
    Field("port_ranged", 1, "1 if a rule leaves NAT a choice of destination ports", default=0),
    Field("dst_nat_done", 1, "1 once the destination of this connection is settled", default=0),
    Field("src_nat_done", 1, "1 once the source of this connection is settled", default=0),
    # its route
    Field("out_given", 128, "the interface somebody said it leaves by, 0 to ask the routes", default=0),
    Field("tcp_stripped", 256, "TCP options overwritten by TCPOPTSTRIP, one bit each", default=0),
    Field("mss_limit", 16, "what TCPMSS has lowered a larger MSS to", default=0xFFFF),
    Field("sets_changed", 256, "sets that rules have changed on the way, one bit each", default=0),
    Field("npt_before", 128, "the address before prefix translation", default=0),
    Field("old_src", 128, "source before mangle OUTPUT", default=0),
    Field("old_dst", 128, "destination before mangle or nat OUTPUT", default=0),
    Field("old_mark", 32, "mark before mangle OUTPUT", default=0),
    Field("old_tos", 8, "TOS before mangle OUTPUT", default=0),
    Field("old_ttl", 8, "hop limit before mangle OUTPUT", default=0),
    Field("route_type", 8, "type of the route found (RTN_…), 0 if none", default=0),
    Field("route_out", 128, "interface of the route found", default=0),
    Field("route_in", 128, "what `iif` of a policy rule sees", default=0),
    Field("route_gateway", 128, "next hop of the route found", default=0),
    Field("route_source", 128, "`src` of the route found, 0 if none", default=0),
    Field("route_realm", 32, "realm of the route found", default=0),
    # what happened, for the answer
    Field("decided", 48, "the rule whose verdict decided, by its handle", default=0),
    Field("dst_nat_rule", 48, "the rule that rewrote the destination, by its handle", default=0),
    Field("src_nat_rule", 48, "the rule that rewrote the source, by its handle", default=0),
)
