from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens, Match, Option
from ruleparse.netfilter.unsettled import asks


def _words(givens: Givens, _: Context) -> str:
    kinds = [word for option, word in (("--transparent", "transparent"), ("--nowildcard", "not a wildcard's")) if givens.has(option)]
    return "an open socket of this node belongs to the packet" + (f" ({', '.join(kinds)})" if kinds else "")


MATCH = Match(
    "socket",
    """Whether a local socket would take the packet; no dump holds that. With --restore-skmark the socket's mark, if it
    has one, becomes the packet's (iptables-extensions(8); net/netfilter/xt_socket.c).""",
    (Option(("--transparent",)), Option(("--nowildcard",)), Option(("--restore-skmark",))),
    state="unknown",
    tests=asks(_words, "ss -tuanp"),
)
