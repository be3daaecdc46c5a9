from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.unsettled import asks
from ruleparse.netfilter.values import whole

MATCH = Match(
    "cpu",
    "The processor that handles the packet; an assumption (iptables-extensions(8); net/netfilter/xt_cpu.c).",
    (Option(("--cpu",), whole(32)),),
    state="unknown",
    tests=asks(lambda givens, _: f"processor {givens.get('--cpu')} handles the packet", negated_by="--cpu"),
)
