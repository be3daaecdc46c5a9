from __future__ import annotations

from ruleparse.netfilter.core import PROTOCOL
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests, ask
from ruleparse.netfilter.values import HOST_PREFIX, PORTS, one_of
from ruleparse.program import Masked


def _tests(givens: Givens, context: Context) -> Tests:
    if context.facts.virtual_servers is not None and [given.name for given in givens] == ["--ipvs"]:
        yield Masked("ipvs", 1, -1, givens.negated("--ipvs"))
        return
    for given in givens:
        words = "the packet belongs to an IPVS connection"
        if given.name != "--ipvs":
            words = f"the packet's IPVS connection fits {given.name} {given.option.codec.show(given.value)}"
        yield ask(context.asks(words, "ipvsadm -Ln; ipvsadm -Lnc"), given.negated)


MATCH = Match(
    "ipvs",
    """Whether IPVS has sent the packet on, which virtual servers that were saved (`ipvsadm -Sn`) settle, and to which
    IPVS connection it belongs, an assumption (iptables-extensions(8); net/netfilter/xt_ipvs.c).""",
    (
        Option(("--ipvs",)),
        Option(("--vproto",), PROTOCOL),
        Option(("--vaddr",), HOST_PREFIX),
        Option(("--vport",), PORTS),
        Option(("--vdir",), one_of({"ORIGINAL": 0, "REPLY": 1})),
        Option(("--vmethod",), one_of({"GATE": 0, "IPIP": 1, "MASQ": 2})),
        Option(("--vportctl",), PORTS),
    ),
    state="unknown",
    tests=_tests,
)
