from ruleparse.netfilter.ipv6_headers import HOP_BY_HOP
from ruleparse.netfilter.ipv6_options import options_match

MATCH = options_match(
    "hbh",
    HOP_BY_HOP,
    "The hop-by-hop options of an IPv6 packet (ip6tables-extensions(8); net/ipv6/netfilter/ip6t_hbh.c).",
)
