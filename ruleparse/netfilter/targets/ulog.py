from ruleparse.netfilter.extension import Option, Target, inert
from ruleparse.netfilter.values import TEXT, whole

TARGET = Target(
    "ULOG",
    "Sends the packet's head to a program, and goes on; kernels before 3.17 (net/ipv4/netfilter/ipt_ULOG.c).",
    inert,
    (
        Option(("--ulog-prefix",), TEXT),
        Option(("--ulog-nlgroup",), whole(6)),
        Option(("--ulog-cprange",), whole(32)),
        Option(("--ulog-qthreshold",), whole(32)),
    ),
    families=(4,),
    state="inert",
)
