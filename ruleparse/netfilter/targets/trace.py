from ruleparse.netfilter.extension import Target, inert

TARGET = Target(
    "TRACE",
    "Has every rule logged that the packet matches from here on, and goes on (net/netfilter/xt_TRACE.c).",
    inert,
    state="inert",
    tables=("raw",),
)
