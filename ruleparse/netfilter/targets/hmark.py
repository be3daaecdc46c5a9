from __future__ import annotations

from ruleparse.netfilter.cases import with_connection
from ruleparse.netfilter.extension import Context, Effect, Givens, Option, Target
from ruleparse.netfilter.marks import FULL
from ruleparse.netfilter.values import TEXT, hexadecimal, whole
from ruleparse.program import Havoc


def _effect(givens: Givens, context: Context) -> Effect:
    offset, modulus = givens.get("--hmark-offset", 0), givens.get("--hmark-mod", FULL)
    low, high = (offset, offset + modulus - 1) if offset + modulus - 1 <= FULL else (0, FULL)
    mark = Havoc("mark", low, high, context.asks(f"the mark that HMARK hashes at {context.span.where}", "conntrack -L"))
    return with_connection(mark) if givens.get("--hmark-tuple") == "ct" else (mark,)


TARGET = Target(
    "HMARK",
    """Sets the mark to a hash of addresses and ports, which is not computed here: any number from --hmark-offset on, of
    as many as --hmark-mod says (iptables-extensions(8); net/netfilter/xt_HMARK.c).""",
    _effect,
    (
        Option(("--hmark-tuple",), TEXT),
        Option(("--hmark-src-prefix",), TEXT),
        Option(("--hmark-dst-prefix",), TEXT),
        Option(("--hmark-sport-mask",), hexadecimal(16, 4)),
        Option(("--hmark-dport-mask",), hexadecimal(16, 4)),
        Option(("--hmark-spi-mask",), hexadecimal(32, 8)),
        Option(("--hmark-sport",), hexadecimal(16, 4)),
        Option(("--hmark-dport",), hexadecimal(16, 4)),
        Option(("--hmark-spi",), hexadecimal(32, 8)),
        Option(("--hmark-proto-mask",), hexadecimal(16, 4)),
        Option(("--hmark-rnd",), hexadecimal(32, 8)),
        Option(("--hmark-mod",), whole(32)),
        Option(("--hmark-offset",), whole(32)),
    ),
    state="unknown",
)
