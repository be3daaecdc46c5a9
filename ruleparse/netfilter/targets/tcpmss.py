from ruleparse.netfilter.extension import Option, Target, inert
from ruleparse.netfilter.values import whole

TARGET = Target(
    "TCPMSS",
    """Lowers the MSS that a SYN announces, and goes on. Where a SYN has no MSS option and no data one is added, and the
    packet grows by 4 octets (iptables-extensions(8); net/netfilter/xt_TCPMSS.c).""",
    inert,
    (Option(("--set-mss",), whole(16)), Option(("--clamp-mss-to-pmtu",))),
    state="inert",
)
