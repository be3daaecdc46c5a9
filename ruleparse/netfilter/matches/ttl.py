from ruleparse.netfilter.extension import Match
from ruleparse.netfilter.hops import hop_options

MATCH = Match(
    "ttl",
    "The TTL of an IPv4 packet (iptables-extensions(8); net/netfilter/xt_hl.c).",
    hop_options("ttl", "TTL"),
    families=(4,),
)
