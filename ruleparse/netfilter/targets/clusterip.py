from __future__ import annotations

from ruleparse.codec import mac
from ruleparse.netfilter.cases import HAS_NONE
from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target, ask
from ruleparse.netfilter.fields import NEW
from ruleparse.netfilter.target_values import checked
from ruleparse.netfilter.values import one_of, whole
from ruleparse.program import Havoc, Masked, Set, Stop

HASHED = ("sourceip", "sourceip-sourceport", "sourceip-sourceport-destport")


def _cases(givens: Givens, context: Context) -> list[Case]:
    """An ICMP error about a connection goes on too, which the question covers."""
    question = context.asks(f"this node of the cluster is responsible for the packet, at {context.span.where}")
    nodes = givens.get("--total-nodes", 1)
    hashed = Havoc("ct_mark", 1, nodes, context.asks(f"the node that the packet hashes to, at {context.span.where}"))
    ours, host = ask(question), Set("pkttype", 0)
    return [
        Case((HAS_NONE,), (Stop("drop"),)),
        Case((ask(question, negated=True),), (Stop("drop"),)),
        Case((ours, Masked("ct_state", NEW, NEW)), (hashed, host)),
        Case((ours, Masked("ct_state", 0, NEW)), (host,)),
    ]


TARGET = Target(
    "CLUSTERIP",
    """Drops what another node of a cluster with the same address is responsible for; kernels before 6.2
    (iptables-extensions(8); net/ipv4/netfilter/ipt_CLUSTERIP.c).""",
    _cases,
    (
        Option(("--new",)),
        Option(("--hashmode",), one_of({name: mode for mode, name in enumerate(HASHED)})),
        Option(("--clustermac",), checked("xx:xx:xx:xx:xx:xx", mac)),
        Option(("--total-nodes",), whole(16)),
        Option(("--local-node",), whole(16)),
        Option(("--hash-init",), whole(32)),
    ),
    families=(4,),
    state="unknown",
    tables=("filter",),
)
