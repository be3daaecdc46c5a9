from ruleparse.netfilter.ipv6_headers import DESTINATION
from ruleparse.netfilter.ipv6_options import options_match

MATCH = options_match(
    "dst",
    DESTINATION,
    "The destination options of an IPv6 packet (ip6tables-extensions(8); net/ipv6/netfilter/ip6t_hbh.c).",
)
