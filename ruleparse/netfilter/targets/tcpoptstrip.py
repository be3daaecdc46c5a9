from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Option, Target, inert
from ruleparse.netfilter.target_values import numbered

OPTIONS = numbered(8, {"mss": 2, "wscale": 3, "sack-permitted": 4, "sack": 5, "timestamp": 8, "md5": 19})


def _parse(text: str) -> tuple[int, ...]:
    return tuple(OPTIONS.parse(word) for word in text.split(","))


TARGET = Target(
    "TCPOPTSTRIP",
    "Overwrites TCP options with NOPs, and goes on (iptables-extensions(8); net/netfilter/xt_TCPOPTSTRIP.c).",
    inert,
    (Option(("--strip-options",), Codec("option[,option…]", _parse, lambda numbers: ",".join(map(str, numbers)))),),
    state="inert",
    tables=("mangle",),
)
