from __future__ import annotations

from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.values import one_of
from ruleparse.program import Masked

_KINDS = {
    "unicast": 0, "host": 0, "broadcast": 1, "bcast": 1, "multicast": 2, "mcast": 2, "otherhost": 3, "outgoing": 4,
}  # fmt: skip

MATCH = Match(
    "pkttype",
    """Whether the link layer took the packet for a unicast, broadcast or multicast one; what this node sends counts as
    unicast (iptables-extensions(8); net/netfilter/xt_pkttype.c).""",
    (Option(("--pkt-type",), one_of(_KINDS), build=lambda value, negated: Masked("pkttype", value, 7, negated)),),
)
