from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.values import TEXT

MATCH = Match(
    "comment",
    "A remark, of at most 255 octets; always matches (iptables-extensions(8)).",
    (Option(("--comment",), TEXT),),
    state="inert",
)
