from __future__ import annotations

from ruleparse.netfilter.extension import Case, Context, Givens, Option, Target, ask
from ruleparse.netfilter.marks import CHANGE
from ruleparse.netfilter.target_values import ADDRESS
from ruleparse.netfilter.values import whole
from ruleparse.program import Action, Set, Stop

ANYWHERE = ("0.0.0.0", "::")


def _cases(givens: Givens, context: Context) -> list[Case]:
    socket = ask(context.asks(f"a transparent socket listens {_where(givens)}", "ss -lntup"))
    mark: tuple[Action, ...] = (Set("mark", *givens.get("--tproxy-mark")),) if givens.has("--tproxy-mark") else ()
    return [Case((socket,), (*mark, Stop("accept"))), Case((), (Stop("drop"),))]


def _where(givens: Givens) -> str:
    address, port = givens.get("--on-ip", ANYWHERE[0]), givens.get("--on-port", 0)
    host = "at the address of the interface the packet came in by" if address in ANYWHERE else f"at {address}"
    return f"{host}, port {port}" if port else f"{host}, at the packet's own port"


TARGET = Target(
    "TPROXY",
    """Gives the packet, unchanged but for its mark, to a transparent socket of this node and accepts it; without such a
    socket it is dropped (iptables-extensions(8); net/netfilter/xt_TPROXY.c).""",
    _cases,
    (Option(("--on-port",), whole(16)), Option(("--on-ip",), ADDRESS), Option(("--tproxy-mark",), CHANGE)),
    state="unknown",
    ends=True,
    tables=("mangle",),
)
