from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.matches.conntrack import STATE

MATCH = Match(
    "state",
    "The state of the packet's connection, the old way of writing `-m conntrack --ctstate` (net/netfilter/xt_state.c).",
    (Option(("--state",), STATE.codec, STATE),),
)
