"""Packets through a node of bridges and rules one after another, each meeting what those before it left on either side.

The host and its bridges have one connection tracker, as in the kernel, with its zones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ruleparse.bits import Number
from ruleparse.fates.deliveries import Delivery
from ruleparse.fates.outcomes import Outcome as Found
from ruleparse.journey import Fate, Journey, WholeAnswer, WholeOutcome
from ruleparse.netfilter.tracking.node_memory import NodeMemory
from ruleparse.netfilter.tracking.tracker import Tracker
from ruleparse.openflow.program import BridgeProgram
from ruleparse.packet import Unknowns
from ruleparse.sessions.bridge import MOST_WORLDS, BridgeWorld, fresh_world
from ruleparse.sessions.host import ANSWERS, ROOM, tell_apart
from ruleparse.sessions.standing import World
from ruleparse.sessions.worlds import Worlds, by_itself
from ruleparse.snapshot import Snapshot
from ruleparse.spec import Asked
from ruleparse.why import Answering, Assumed, asked_family, question_of
from ruleparse.why_bridge import Egress
from ruleparse.wired import Wired, wired

_TRUSTED = Assumed(f"the packets before went one of the {MOST_WORLDS} likeliest ways", True, "", None)


@dataclass(frozen=True)
class State:
    """One way things may stand: on the host, whose tracker is that of all, and in each bridge."""

    host: World
    bridges: Mapping[str, BridgeWorld] = field(default_factory=dict)
    odds: float = 1.0
    given: tuple[Assumed, ...] = ()


class Remembering:
    """Implements journey.Standing."""

    def __init__(self, snapshot: Snapshot, *, alone: bool = False) -> None:
        """`alone`: there is only one packet, which need not say to which connection it belongs."""
        self.snapshot = snapshot
        self.alone = alone
        self.unknowns: Unknowns | None = None

    def question(self, snapshot: Snapshot, spec: Mapping[str, Any]) -> tuple[Asked, Wired]:
        given = wired(spec, snapshot)
        question = question_of(snapshot, spec, asked_family(snapshot, spec, given), given, ROOM, self.unknowns)
        self.unknowns = question.packet.unknowns
        return question, given

    def on_host(self, answering: Answering, state: State) -> tuple[list[tuple[Found, State]], bool]:
        asked = answering.question
        if not self.alone:
            tell_apart(asked)
        worlds = Worlds(by_itself(state.host))
        worlds.explore(answering.program, answering.entry, asked.packet, asked.family, asked.reach)
        return [(one.outcome, replace(state, host=by_itself(one.world))) for one in worlds.behind], worlds.complete

    def in_bridge(
        self, program: BridgeProgram, values: Mapping[str, Number], state: State
    ) -> tuple[list[tuple[Delivery, State]], bool]:
        known = state.bridges.get(program.name) or fresh_world(self.snapshot, program)
        before = replace(known, memory=replace(known.memory, tracker=_tracker(state.host)))
        ways = before.ways(program, values)
        return [(way, _behind(state, program, before.after(way, values))) for way in ways.found], ways.complete


def _behind(state: State, program: BridgeProgram, bridge: BridgeWorld) -> State:
    host = replace(by_itself(state.host), remembered=NodeMemory(bridge.memory.tracker))
    return replace(state, host=host, bridges={**state.bridges, program.name: replace(bridge, odds=1.0, given=())})


def _tracker(host: World) -> Tracker:
    assert isinstance(host.remembered, NodeMemory)
    return host.remembered.tracker


class JourneySession:
    """A node of bridges and rules while packets pass."""

    def __init__(self, snapshot: Snapshot, *, alone: bool = False) -> None:
        self.snapshot = snapshot
        self.standing = Remembering(snapshot, alone=alone)
        self.states = [State(World(snapshot.fresh_memory()))]

    def why(self, spec: Mapping[str, Any], *, reply: bool = False) -> WholeAnswer:
        """Answer for the next packet, and for what answers it. Raises SpecError, MemoryError, RecursionError."""
        journey, flags = Journey(self.snapshot, spec, self.standing), _flags_back(spec)
        found = [journey.fates(state) for state in self.states]
        told = [[self._with_reply(fate, flags) if reply else fate for fate in fates] for fates in found]
        outcomes = list(_wherever(self.states, told))
        self.states = _likeliest(_merged(_left(fates, state) for fates, state in zip(found, self.states, strict=True)))
        return journey.answer(outcomes)

    def _with_reply(self, fate: Fate, flags: str) -> Fate:
        """A fate, and what becomes of the answer, which comes in where the packet left."""
        outcome, state = fate
        spec = _answering(outcome.ends[0], flags) if len(outcome.ends) == 1 else None
        if spec is None:
            return fate
        back = Journey(self.snapshot, spec, self.standing)
        return replace(outcome, reply=tuple(back.answer(one for one, _ in back.fates(state)).outcomes)), state


def why_there_and_back(snapshot: Snapshot, spec: Mapping[str, Any]) -> WholeAnswer:
    """A packet by itself, and what answers it. Raises SpecError, MemoryError, RecursionError."""
    return JourneySession(snapshot, alone=True).why(spec, reply=True)


def _wherever(states: Sequence[State], found: Sequence[Sequence[Fate]]) -> Iterator[WholeOutcome]:
    """The outcomes in all states; what told these apart is left out where it makes no difference to this packet."""
    looks = [[(replace(one, probability=0.0), round(one.probability, 9)) for one, _ in fates] for fates in found]
    alike = _TRUSTED not in states[0].given and all(look == looks[0] for look in looks)
    for state, fates in zip(states, found, strict=True):
        for one, _ in fates:
            told = one.assumptions if alike else tuple(dict.fromkeys((*state.given, *one.assumptions)))
            yield replace(one, assumptions=told, probability=one.probability * state.odds)


def _left(fates: Sequence[Fate], before: State) -> Iterator[State]:
    """The states behind a packet, each with what told it from the others."""
    common = set.intersection(*(set(one.assumptions) for one, _ in fates)) if fates else set()
    for one, state in fates:
        given = (*before.given, *(a for a in one.assumptions if a not in common))
        yield replace(state, odds=before.odds * one.probability, given=given)


def _merged(found: Iterable[Iterable[State]]) -> list[State]:
    """States that chance alone told apart, and that are the same, are one."""
    kept: list[State] = []
    for state in (state for states in found for state in states):
        same = next((i for i, one in enumerate(kept) if replace(one, odds=0.0) == replace(state, odds=0.0)), None)
        if same is None:
            kept.append(state)
        else:
            kept[same] = replace(kept[same], odds=kept[same].odds + state.odds)
    return kept


def _likeliest(states: list[State]) -> list[State]:
    if len(states) <= MOST_WORLDS:
        return states
    kept = sorted(states, key=lambda state: -state.odds)[:MOST_WORLDS]
    whole = sum(state.odds for state in kept) or 1.0
    return [replace(s, odds=s.odds / whole, given=tuple(dict.fromkeys((_TRUSTED, *s.given)))) for s in kept]


def _flags_back(spec: Mapping[str, Any]) -> str:
    """A SYN, which is what is meant where nobody says otherwise, is answered by SYN and ACK, data by ACK."""
    in_flow = _FLAGS(str(spec.get("flow", "")))
    said = str(spec.get("tcp_flags") or (in_flow[1] if in_flow else "SYN")).upper().lstrip("+")
    return "SYN,ACK" if said in ("SYN", "0X2", "0X002") else "ACK"


_FLAGS = re.compile(r"tcp_flags=([^,\s]+)").search


def _answering(end: Egress, flags: str) -> dict[str, Any] | None:
    """What answers a packet that left there, and comes in at the same place; None if nothing does."""
    packet = end.packet
    turned = {"src": packet["dst"], "dst": packet["src"], "proto": packet["proto"]}
    if "icmp_type" in packet:
        if packet["icmp_type"] not in ANSWERS:
            return None
        turned["icmp_type"] = f"{ANSWERS[packet['icmp_type']]}/0"
    elif packet.get("sport") is not None:
        turned |= {"sport": packet["dport"], "dport": packet["sport"]}
    if packet["proto"] == "tcp":
        turned["tcp_flags"] = flags
    if end.name == "local":
        return turned | {"local": True}
    macs = {"src_mac": packet["dst_mac"], "dst_mac": packet["src_mac"]} if "dst_mac" in packet else {}
    return turned | {"in": end.name} | macs if end.name is not None else None
