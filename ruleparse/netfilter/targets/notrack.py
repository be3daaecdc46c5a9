from ruleparse.netfilter.cases import dont_track
from ruleparse.netfilter.extension import Target

TARGET = Target(
    "NOTRACK",
    "Keeps conntrack off the packet, as CT --notrack does: it is UNTRACKED from here on (net/netfilter/xt_CT.c).",
    lambda _, __: dont_track(),
    tables=("raw",),
)
