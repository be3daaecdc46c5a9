from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens, Match, Option
from ruleparse.netfilter.unsettled import asks

_KINDS = {"--transparent": "and is a transparent one", "--nowildcard": "or listens on every address"}


def _words(givens: Givens, _: Context) -> str:
    kinds = [words for option, words in _KINDS.items() if givens.has(option)]
    return " ".join(["a socket of this node would take the packet", *kinds])


MATCH = Match(
    "socket",
    """Whether a local socket would take the packet; no dump holds that. With --restore-skmark the socket's mark, if it
    has one, becomes the packet's (iptables-extensions(8); net/netfilter/xt_socket.c).""",
    (Option(("--transparent",)), Option(("--nowildcard",)), Option(("--restore-skmark",))),
    state="unknown",
    tests=asks(_words, "ss -tuanp"),
)
