from ruleparse.netfilter.extension import Option, Target, inert
from ruleparse.netfilter.values import TEXT, whole

TARGET = Target(
    "IDLETIMER",
    "Restarts a timer that tells user space of idle interfaces, and goes on (net/netfilter/xt_IDLETIMER.c).",
    inert,
    (
        Option(("--timeout",), whole(32)),
        Option(("--label",), TEXT),
        Option(("--alarm",)),
        Option(("--send_nl_msg",)),
    ),
    state="inert",
)
