from ruleparse.netfilter.extension import Option, Target, inert
from ruleparse.netfilter.values import one_of

TARGET = Target(
    "AUDIT",
    "Writes an audit record about the packet, and goes on whatever --type says (net/netfilter/xt_AUDIT.c).",
    inert,
    (Option(("--type",), one_of({"accept": 0, "drop": 1, "reject": 2})),),
    state="inert",
)
