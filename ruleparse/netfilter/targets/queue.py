from ruleparse.netfilter.cases import program_decides
from ruleparse.netfilter.extension import Target

TARGET = Target(
    "QUEUE",
    "Hands the packet to the program at queue 0, which drops or accepts it (iptables(8); net/netfilter/nf_queue.c).",
    lambda _, context: program_decides("0", context),
    state="unknown",
    ends=True,
)
