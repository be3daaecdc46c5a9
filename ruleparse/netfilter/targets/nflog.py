from ruleparse.netfilter.extension import Option, Target, inert
from ruleparse.netfilter.values import TEXT, whole

TARGET = Target(
    "NFLOG",
    "Sends the packet's head to programs that listen to a group, and goes on (net/netfilter/xt_NFLOG.c).",
    inert,
    (
        Option(("--nflog-prefix",), TEXT),
        Option(("--nflog-group",), whole(16)),
        Option(("--nflog-range",), whole(32)),
        Option(("--nflog-size",), whole(32)),
        Option(("--nflog-threshold",), whole(16)),
    ),
    state="inert",
)
