"""Packets one after another, each meeting what those before it left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruleparse.packet import Unknowns
from ruleparse.snapshot import Snapshot
from ruleparse.spec import Asked, SpecError
from ruleparse.why import Answer, Answering, asked_family, question_of
from ruleparse.wired import wired
from ruleparse.worlds import Worlds

ROOM = 1 << 22
"""Nodes of decision diagrams for all packets together."""


class Session:
    """Packets one after another, each meeting what those before it left: connections, counters, lists."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.worlds = Worlds(snapshot.fresh_memory())
        self.unknowns: Unknowns | None = None

    def why(self, spec: Mapping[str, Any]) -> Answer:
        """Answer for the next packet. Raises SpecError, MemoryError, RecursionError."""
        given = wired(spec, self.snapshot)
        family = asked_family(self.snapshot, spec, given)
        question = question_of(self.snapshot, spec, family, given, ROOM, self.unknowns)
        self._check(question)
        self.unknowns = question.packet.unknowns
        answering = Answering(self.snapshot, spec, question, given)
        program, entry = answering.program, answering.entry
        return answering.answer(self.worlds.explore(program, entry, question.packet, family, question.reach))

    @staticmethod
    def _check(question: Asked) -> None:
        proto = question.packet["proto"]
        wanted = ["src", "dst", "proto", *([] if not isinstance(proto, int) else _TOLD_APART_BY.get(proto, ()))]
        missing = [name for name in wanted if not isinstance(question.packet[name], int)]
        if missing:
            option = missing[0].replace("_", "-")
            raise SpecError(f"with --stateful, connections are told apart by --{option}: say which it is")


_PORTS = ("sport", "dport")
_TOLD_APART_BY = {
    6: (*_PORTS, "tcp_flags"),
    17: _PORTS,
    132: _PORTS,
    136: _PORTS,
    1: ("icmp_type",),
    58: ("icmp_type",),
}
