"""Packets one after another, each meeting what those before it left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruleparse.evaluate import End
from ruleparse.fates.outcomes import Outcome as Found
from ruleparse.packet import Packet, Unknowns
from ruleparse.sessions.standing import World
from ruleparse.sessions.worlds import Behind, Worlds, answers_to, by_itself
from ruleparse.snapshot import Snapshot
from ruleparse.spec import Asked, SpecError
from ruleparse.why import Answer, Answering, Outcome, asked_family, question_of
from ruleparse.wired import wired

ROOM = 1 << 22
"""Nodes of decision diagrams for all packets together."""


class Session:
    """Packets one after another, each meeting what those before it left: connections, counters, lists."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.worlds = Worlds(World(snapshot.fresh_memory()))
        self.unknowns: Unknowns | None = None

    def why(self, spec: Mapping[str, Any], *, reply: bool = False) -> Answer:
        """Answer for the next packet, and for what answers it. Raises SpecError, MemoryError, RecursionError."""
        return self._why(spec, reply=reply, alone=False)

    def _why(self, spec: Mapping[str, Any], *, reply: bool, alone: bool) -> Answer:
        given = wired(spec, self.snapshot)
        family = asked_family(self.snapshot, spec, given)
        question = question_of(self.snapshot, spec, family, given, ROOM, self.unknowns)
        if not alone:
            tell_apart(question)
        self.unknowns = question.packet.unknowns
        answering = Answering(self.snapshot, spec, question, given)
        program, entry = answering.program, answering.entry
        found = self.worlds.explore(program, entry, question.packet, family, question.reach)
        behind = list(self.worlds.behind)

        def back(outcome: Found) -> list[Outcome] | None:
            packet, local = answer_to(outcome.end)
            if not reply or packet is None:
                return None
            asked = Asked(packet, packet.unknowns.whatever_the_answers(outcome.end.when), family, local)
            talking = Answering(self.snapshot, spec, asked, given)

            def walk_back(one: Behind) -> list[Found]:
                answer, _ = answer_to(one.end)
                assert answer is not None
                reach = answer.unknowns.whatever_the_answers(one.end.when)
                alone = Worlds(by_itself(one.world))
                return alone.explore(program, talking.entry, answer, family, reach).outcomes

            return talking.outcomes(answers_to(outcome, behind, walk_back))

        return answering.answer(found, back)


def why_and_back(snapshot: Snapshot, spec: Mapping[str, Any]) -> Answer:
    """A packet by itself, and what answers it. Raises SpecError, MemoryError, RecursionError."""
    return Session(snapshot)._why(spec, reply=True, alone=True)


def tell_apart(question: Asked) -> None:
    """Raises SpecError if the packet leaves open to which connection it belongs."""
    proto = question.packet["proto"]
    wanted = ["src", "dst", "proto", *(_TOLD_APART_BY.get(proto, ()) if isinstance(proto, int) else ())]
    missing = [name for name in wanted if not isinstance(question.packet[name], int)]
    if missing:
        option = missing[0].replace("_", "-")
        raise SpecError(f"with --stateful, connections are told apart by --{option}: say which it is")


def answer_to(end: End) -> tuple[Packet | None, bool]:
    """The packet that answers one which got through, and whether this node sends it; None if nothing does.

    It comes back where the packet left. A SYN is answered by SYN and ACK, a request by its reply, data by ACK.
    """
    packet = end.packet
    local = end.stop.detail == "local"
    kind = ANSWERS.get(_known(packet, "icmp_type")) if _known(packet, "proto") in PINGS else None
    if end.stop.verdict != "accept" or (_known(packet, "proto") in PINGS and kind is None):
        return None, local
    turned = {"src": "dst", "dst": "src", "proto": "proto", "icmp_id": "icmp_id"}
    turned |= {"sport": "dport", "dport": "sport"} if _known(packet, "proto") not in PINGS else {}
    values = {name: packet[other] for name, other in turned.items()}
    values |= {"tcp_flags": SYN | ACK if packet["tcp_flags"] == SYN else ACK} if packet.given("tcp_flags") else {}
    values |= {"icmp_type": kind, "icmp_code": 0} if kind is not None else {}
    values |= {"local": 1, "socket": 1, "in": 0} if local else {"in": packet["route_out"]}
    values |= {"time": packet["time"]} if packet.given("time") else {}
    return Packet(values, packet.unknowns), local


def _known(packet: Packet, name: str) -> int:
    number = packet.values.get(name)
    return number if isinstance(number, int) else -1


SYN, ACK = 2, 16
PINGS = (1, 58)
ANSWERS = {8: 0, 13: 14, 128: 129}


_PORTS = ("sport", "dport")
_TOLD_APART_BY = {
    6: (*_PORTS, "tcp_flags"),
    17: _PORTS,
    132: _PORTS,
    136: _PORTS,
    1: ("icmp_type",),
    58: ("icmp_type",),
}
