from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.matches.conntrack import tracked
from ruleparse.netfilter.values import TEXT
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World


def _tests(givens: Givens, context: Context) -> Tests:
    label, sets_it = givens.get("--label"), givens.has("--set")
    question = context.asks(f"the connection has label {label} at {context.span.where}", "conntrack -L -o labels")

    def means(_: object, packet: Packet, world: World) -> Bool:
        """Without a connection there is no label; `--set` gives it one."""
        exists = tracked(packet)
        return exists if exists is False or sets_it else bits.both(exists, world.ask(question))

    yield Test(Key(("connlabel",), TEXT, means), label, givens.negated("--label"))


MATCH = Match(
    "connlabel",
    """Whether a label was put on the connection; --set puts it there
    (iptables-extensions(8); net/netfilter/xt_connlabel.c).""",
    (Option(("--label",), TEXT), Option(("--set",))),
    tests=_tests,
)
