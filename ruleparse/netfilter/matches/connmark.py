from __future__ import annotations

from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.matches.conntrack import of_connection
from ruleparse.netfilter.values import MARK, is_masked
from ruleparse.program import Key, Test


def _test(value: tuple[int, int], negated: bool) -> Test:
    return Test(Key(("ct_mark",), MARK, of_connection(is_masked("ct_mark"), negated), "connection mark {}"), value)


MATCH = Match(
    "connmark",
    """The mark of the packet's connection under a mask; without a connection it never matches, not even negated
    (iptables-extensions(8); net/netfilter/xt_connmark.c).""",
    (Option(("--mark",), MARK, build=_test),),
)
