from ruleparse.netfilter.extension import Target
from ruleparse.netfilter.hop_limit import actions, options

TARGET = Target(
    "TTL",
    "Sets, raises or lowers the TTL, which stays between 0 and 255 (iptables-extensions(8); net/netfilter/xt_HL.c).",
    actions("ttl"),
    options("ttl"),
    families=(4,),
    tables=("mangle",),
)
