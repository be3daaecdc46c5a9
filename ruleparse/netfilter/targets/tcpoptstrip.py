from __future__ import annotations

from ruleparse.codec import Codec
from ruleparse.netfilter.cases import cut_header
from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.target_values import numbered
from ruleparse.program import Set

OPTIONS = numbered(8, {"mss": 2, "wscale": 3, "sack-permitted": 4, "sack": 5, "timestamp": 8, "md5": 19})


def _parse(text: str) -> tuple[int, ...]:
    return tuple(OPTIONS.parse(word) for word in text.split(","))


def _cases(givens: Givens, _: Context) -> list[Case]:
    bits = 0
    for number in givens.get("--strip-options", ()):
        bits |= 1 << number
    return [cut_header("TCPOPTSTRIP"), Case((), (Set("tcp_stripped", bits, bits),))]


TARGET = Target(
    "TCPOPTSTRIP",
    "Overwrites TCP options with NOPs, and goes on (iptables-extensions(8); net/netfilter/xt_TCPOPTSTRIP.c).",
    _cases,
    (Option(("--strip-options",), Codec("option[,option…]", _parse, lambda numbers: ",".join(map(str, numbers)))),),
    tables=("mangle",),
)
