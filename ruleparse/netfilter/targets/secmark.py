from ruleparse.netfilter.extension import Option, Target, inert
from ruleparse.netfilter.values import TEXT

TARGET = Target(
    "SECMARK",
    "Gives the packet a security label, which no match reads, and goes on (net/netfilter/xt_SECMARK.c).",
    inert,
    (Option(("--selctx",), TEXT),),
    state="inert",
    tables=("mangle", "security"),
)
