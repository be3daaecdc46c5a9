from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.values import MARK, masked_test

MATCH = Match(
    "mark",
    "The packet's mark (skb->mark) under a mask (iptables-extensions(8); net/netfilter/xt_mark.c).",
    (Option(("--mark",), MARK, build=masked_test("mark")),),
)
