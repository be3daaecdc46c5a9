from ruleparse.netfilter.extension import Option, Target, inert
from ruleparse.netfilter.target_values import number_or
from ruleparse.netfilter.values import TEXT

TARGET = Target(
    "LED",
    "Lights a lamp for a while, and goes on (iptables-extensions(8); net/netfilter/xt_LED.c).",
    inert,
    (
        Option(("--led-trigger-id",), TEXT),
        Option(("--led-delay",), number_or("inf", 32)),
        Option(("--led-always-blink",)),
    ),
    state="inert",
)
