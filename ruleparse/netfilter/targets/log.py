from ruleparse.netfilter.extension import Option, Target, inert
from ruleparse.netfilter.target_values import numbered
from ruleparse.netfilter.values import TEXT

LEVELS = {
    "emerg": 0, "panic": 0, "alert": 1, "crit": 2, "err": 3, "error": 3, "warn": 4, "warning": 4, "notice": 5,
    "info": 6, "debug": 7,
}  # fmt: skip

TARGET = Target(
    "LOG",
    "Writes a line about the packet to the kernel's log, and goes on (iptables-extensions(8); net/netfilter/xt_LOG.c).",
    inert,
    (
        Option(("--log-prefix",), TEXT),
        Option(("--log-level",), numbered(3, LEVELS)),
        Option(("--log-tcp-sequence",)),
        Option(("--log-tcp-options",)),
        Option(("--log-ip-options",)),
        Option(("--log-uid",)),
        Option(("--log-macdecode",)),
    ),
    state="inert",
)
