from ruleparse.netfilter.extension import Target
from ruleparse.netfilter.hop_limit import actions, options

TARGET = Target(
    "HL",
    "Sets, raises or lowers the hop limit, which stays between 0 and 255 (net/netfilter/xt_HL.c).",
    actions("hl"),
    options("hl"),
    families=(6,),
    tables=("mangle",),
)
