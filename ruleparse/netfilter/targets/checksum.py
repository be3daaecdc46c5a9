from ruleparse.netfilter.extension import Option, Target, inert

TARGET = Target(
    "CHECKSUM",
    "Fills in a checksum left to the network card, and goes on (net/netfilter/xt_CHECKSUM.c).",
    inert,
    (Option(("--checksum-fill",)),),
    state="inert",
    tables=("mangle",),
)
