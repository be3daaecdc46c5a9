from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests, ask
from ruleparse.netfilter.values import TEXT, whole


def _tests(givens: Givens, context: Context) -> Tests:
    for given in givens:
        what = f"of net_cls class {given.value}" if given.name == "--cgroup" else f"in control group {given.value}"
        yield ask(context.asks(f"the packet's socket is {what}", "ss -tuanp; cat /proc/PID/cgroup"), given.negated)


MATCH = Match(
    "cgroup",
    "The control group of the packet's socket; an assumption (iptables-extensions(8); net/netfilter/xt_cgroup.c).",
    (Option(("--cgroup",), whole(32)), Option(("--path",), TEXT)),
    state="unknown",
    tests=_tests,
)
