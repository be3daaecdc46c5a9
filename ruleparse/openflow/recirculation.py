"""Passes: a packet is translated from table 0 on, and once more from another table for each recirculation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ruleparse.openflow.fields import flow
from ruleparse.openflow.network_address import Nat, rewrites
from ruleparse.openflow.steps import Steps
from ruleparse.packet import Packet
from ruleparse.program import Call, Copy, Fork, Masked, Return, Rule, Set, Stop, Table

NEW = 0x21
"""The ct_state that is taken where nobody says another: tracked, new."""
SLOT = 16
MOST = 64
"""States that --ct-next can say."""
ALONE = "alone"
"""behind the name of a table of conntrack: the packet does not come back from there"""
NEXT = flow("ct_next")
ASIDE = flow("ct_aside")
PASS = flow("pass")

TOO_MUCH = "more than 64 resubmits within each other or 4096 in all: Open vSwitch gives the packet up"


@dataclass(frozen=True, slots=True)
class Tracking:
    """What `ct` asks of conntrack; `mark` and `label` are the bits that it writes."""

    commit: bool = False
    force: bool = False
    nat: Nat | None = None
    mark: int = 0
    label: int = 0


def ct_next(states: list[int]) -> int:
    """Some states for the recirculations to come, and NEW for those behind them."""
    padded = [*states, *[NEW] * MOST][:MOST]
    return sum(state << SLOT * i for i, state in enumerate(padded))


def resume(steps: Steps, table: str, conntrack: str) -> None:
    """Send a copy to conntrack, which comes back in a table when this pass is over."""
    again = (Rule((), (Call(conntrack), Call(steps.bridge.entry_pass(table)))),)
    steps.do(Fork(steps.bridge.make(Table("", again)), later=PASS))


def as_traced(name: str, tracking: Tracking) -> Table:
    """What ofproto/trace, which remembers no connection, makes of a packet that comes back from conntrack."""
    return Table(name, (*rewrites(tracking.nat), Rule((), (Call("tracked"),))))


def by_itself(name: str, conntrack: str) -> Table:
    """Conntrack sees the packet when this pass is over, and it does not come back."""
    return Table(name, (Rule((), (Fork(conntrack, later=PASS),)),))


def tracked() -> Table:
    """Gives a packet the state that conntrack is said to find."""

    def narrow(packet: Packet) -> Iterator[Rule]:
        n = packet[PASS]
        return iter(rules[n - 1 : n] if isinstance(n, int) and n <= MOST else rules)

    rules = [
        Rule(
            (Masked(PASS, n + 1, -1),),
            (Copy(flow("ct_state"), NEXT, -1, (1 << SLOT) - 1 << SLOT * n, -SLOT * n), Return()),
        )
        for n in range(MOST)
    ]
    rules.append(Rule((), (Set(flow("ct_state"), NEW),)))
    return Table("tracked", tuple(rules), narrow=narrow)


def one_pass(name: str, entry: str, *, first: bool) -> Table:
    """A whole translation from a table on; the action set is done last."""
    exited = Masked(flow("exited"), 1, -1)
    fresh = tuple(Set(flow(n), 0) for n in ("depth", "exited", "failed", "ct_aside"))
    return Table(
        name,
        (
            Rule((), (*fresh, Set(flow("resubmits"), 0 if first else 1), Call(entry, ("exit",)))),
            Rule((Masked(flow("failed"), 1, -1),), (Stop("drop", TOO_MUCH),)),
            Rule((exited,), (Stop("accept"),)),
            Rule((), (Call("action set", ("exit",)),)),
            Rule((Masked(flow("failed"), 1, -1),), (Stop("drop", TOO_MUCH),)),
            Rule((), (Stop("accept"),)),
        ),
    )
