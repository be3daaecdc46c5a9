from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target
from ruleparse.netfilter.values import whole
from ruleparse.program import Masked, Stop

FIN, SYN, RST, ACK = 1, 2, 4, 16
KIND = FIN | SYN | RST | ACK


def _cases(_: Givens, __: Context) -> list[Case]:
    answered = Stop("drop", detail="this node answers the SYN in the server's place")
    taken_over = Stop("drop", detail="this node opens the connection to the server itself")
    return [
        Case((Masked("tcp_flags", SYN, KIND),), (answered,)),
        Case((Masked("tcp_flags", ACK, KIND),), (taken_over,)),
        Case((), ()),
    ]


TARGET = Target(
    "SYNPROXY",
    """Shakes hands with a client in the server's place: the client's SYN and ACK end here, and this node sends packets
    of its own to either side; whatever else comes goes on
    (iptables-extensions(8); net/netfilter/nf_synproxy_core.c).""",
    _cases,
    (
        Option(("--sack-perm",)),
        Option(("--timestamp",)),
        Option(("--wscale",), whole(8)),
        Option(("--mss",), whole(16)),
        Option(("--ecn",)),
    ),
    tables=("filter",),
)
