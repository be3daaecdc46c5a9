from ruleparse.netfilter.extension import Option, Target, inert

TARGET = Target(
    "CONNSECMARK",
    """Copies security labels, which no match reads, between packet and connection, and goes on
    (net/netfilter/xt_CONNSECMARK.c).""",
    inert,
    (Option(("--save",)), Option(("--restore",))),
    state="inert",
    tables=("mangle", "security"),
)
