from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.values import TEXT

MATCH = Match(
    "nfacct",
    "Counts in an accounting object; always matches (iptables-extensions(8); net/netfilter/xt_nfacct.c).",
    (Option(("--nfacct-name",), TEXT),),
    state="inert",
)
