"""`learn` on a switch that remembers: a flow for packets to come."""

from __future__ import annotations

from ruleparse.openflow.flows import Flow
from ruleparse.openflow.learned_flow import Learning, learned_line
from ruleparse.openflow.lookup import tests_of
from ruleparse.openflow.program import BridgeProgram
from ruleparse.openflow.steps import write_number
from ruleparse.packet import Packet
from ruleparse.program import Action, Note, Remember, Return, Rule
from ruleparse.sessions.bridging.memory import BridgeMemory


def learn(packet: Packet, learning: Learning, bridge: BridgeProgram, memory: BridgeMemory, during: int) -> Rule:
    """The one rule that a packet meets at a `learn`."""
    what = learning.learn
    where = "a switch" if learning.span is None else learning.span.where
    flow = bridge.learned(learned_line(what, packet, bridge.port), f"learned at {where}")
    bits, values = tests_of(flow, bridge.port)
    place = (bits, values, flow.priority)
    has_room = not what.limit or memory.knows(what.table, place) or _count(flow, bridge, memory) < what.limit
    actions: tuple[Action, ...] = write_number(what.told, int(has_room)) if what.told is not None else ()
    if not has_room:
        return Rule((), (Note(f"no room for more than {what.limit} flows"), *actions, Return()))

    def change(_packet: Packet, _memory: object) -> None:
        memory.learn(during, what.table, place, flow)

    return Rule((), (Remember(change), *actions, Return()))


def _count(flow: Flow, bridge: BridgeProgram, memory: BridgeMemory) -> int:
    """Flows of a table with the cookie of one that may be learned, saved and learned ones."""
    cookie = flow.cookie or 0
    saved = sum(one.cookie == cookie for one in bridge.read(flow.table))
    return saved + memory.count(flow.table, cookie)
