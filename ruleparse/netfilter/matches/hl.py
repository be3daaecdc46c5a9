from ruleparse.netfilter.extension import Match
from ruleparse.netfilter.hops import hop_options

MATCH = Match(
    "hl",
    "The hop limit of an IPv6 packet (ip6tables-extensions(8); net/netfilter/xt_hl.c).",
    hop_options("hl", "hop limit"),
    families=(6,),
)
