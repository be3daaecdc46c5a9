"""Packets through bridges one after another, each meeting what those before it left.

Where a packet's way depends on chance or on what nobody saved, so does what it leaves behind: there may be several
worlds, each with its own memory and its odds. No time passes between packets.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ruleparse.bits import Number
from ruleparse.fates.deliveries import Deliveries, Delivery, Reply, Standing, deliveries
from ruleparse.netfilter.settings import number
from ruleparse.netfilter.tracking.tcp_settings import Settings
from ruleparse.netfilter.tracking.tracker import Tracker
from ruleparse.openflow.fields import flow
from ruleparse.openflow.program import BridgeProgram
from ruleparse.openflow.recirculation import PASS
from ruleparse.packet import Assumption, Packet
from ruleparse.sessions.bridging.live import LIVE, LiveProgram
from ruleparse.sessions.bridging.memory import BridgeMemory
from ruleparse.snapshot import Snapshot
from ruleparse.why_bridge import BridgeAnswer, assumed, bridge_of, outcome_of, packet_of, shown
from ruleparse.why_bridge import BridgeOutcome as Outcome

MOST_WORLDS = 64
"""The likeliest are kept."""

_TRUSTED = Assumption(f"the packets before went one of the {MOST_WORLDS} likeliest ways", presumed=True)

_Choice = tuple[str, Hashable]


@dataclass
class BridgeWorld:
    """One way things may stand. `known` are answers given so far; `drawn` are choices by what the packet looked like,
    as a switch hashes packets of one connection alike."""

    memory: BridgeMemory
    odds: float = 1.0
    known: dict[_Choice, int] = field(default_factory=dict)
    drawn: dict[tuple[Hashable, _Choice], int] = field(default_factory=dict)
    given: tuple[Reply, ...] = ()

    def ways(self, program: BridgeProgram, values: Mapping[str, Number]) -> Deliveries:
        """Every fate of a packet in this world."""
        alike = _hashed(values)
        drawn = {choice: answer for (look, choice), answer in self.drawn.items() if look == alike}

        def standing() -> Standing:
            memory = self.memory.copy()
            return Standing(LiveProgram(program, memory), memory, self.known | drawn)

        return deliveries(program, "start", {**values, LIVE: 1}, PASS, flow("failed"), standing)

    def after(self, way: Delivery, values: Mapping[str, Number]) -> BridgeWorld:
        """How things stand when a packet has gone one of its ways."""
        open_ = [reply for reply in way.replies if not reply.question.presumed]
        known = self.known | {_choice(reply): int(reply.answer) for reply in open_}
        drawn = self.drawn | {(_hashed(values), _choice(reply)): int(reply.answer) for reply in way.drawn}
        return BridgeWorld(way.left, self.odds * way.probability, known, drawn, (*self.given, *open_))

    @property
    def is_one_of_all(self) -> bool:
        """Whether no world was left out so far."""
        return all(reply.question is not _TRUSTED for reply in self.given)


class BridgeSession:
    """The bridges of a node while packets pass."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._worlds: dict[str, list[BridgeWorld]] = {}

    def why(self, spec: Mapping[str, Any]) -> BridgeAnswer:
        """Answer for the next packet. Raises SpecError."""
        program = bridge_of(self.snapshot, spec)
        values = packet_of(program, spec)
        worlds = self._worlds.get(program.name) or [fresh_world(self.snapshot, program)]
        complete, found = True, list[list[Delivery]]()
        for world in worlds:
            ways = world.ways(program, values)
            complete &= ways.complete
            found.append(ways.found)
        outcomes = _together([[outcome_of(program, d) for d in ways] for ways in found], worlds)
        after = [w.after(d, values) for w, ways in zip(worlds, found, strict=True) for d in ways]
        self._worlds[program.name] = _likeliest(_merged(after))
        start = shown(Packet(values))
        return BridgeAnswer(spec.get("id"), spec, outcomes, self.snapshot.all_diagnostics(), complete, start)


def fresh_world(snapshot: Snapshot, program: BridgeProgram) -> BridgeWorld:
    """As right after the flows were loaded: no connection was seen; addresses are known as far as they were saved."""
    sysctl = snapshot.routing.sysctl
    loose = number(sysctl, "net.netfilter.nf_conntrack_tcp_loose")
    addresses = dict(program.known.addresses or {})
    return BridgeWorld(
        BridgeMemory(Tracker(Settings.of(sysctl)), None if loose is None else loose != 0, ports=addresses)
    )


_HASHED = ("dl_src", "dl_dst", "dl_type", "nw_src", "nw_dst", "ipv6_src", "ipv6_dst", "nw_proto", "tp_src", "tp_dst")


def _hashed(values: Mapping[str, Number]) -> Hashable:
    return tuple(values.get(flow(name), 0) for name in _HASHED)


def _choice(reply: Reply) -> _Choice:
    return reply.question.question, reply.about


def _merged(worlds: Iterable[BridgeWorld]) -> list[BridgeWorld]:
    """Worlds that chance alone told apart, and in which things stand the same, are one."""
    kept: list[BridgeWorld] = []
    for world in worlds:
        same = next((one for one in kept if _look(one) == _look(world) and one.memory == world.memory), None)
        if same is None:
            kept.append(world)
        else:
            same.odds += world.odds
    return kept


def _look(world: BridgeWorld) -> object:
    return world.known, world.drawn, world.given


def _likeliest(worlds: list[BridgeWorld]) -> list[BridgeWorld]:
    if len(worlds) <= MOST_WORLDS:
        return worlds
    trusted = Reply(_TRUSTED, None, True)
    kept = sorted(worlds, key=lambda world: -world.odds)[:MOST_WORLDS]
    whole = sum(world.odds for world in kept) or 1.0
    return [replace(w, odds=w.odds / whole, given=w.given if trusted in w.given else (trusted, *w.given)) for w in kept]


def _together(found: Sequence[Sequence[Outcome]], worlds: Sequence[BridgeWorld]) -> list[Outcome]:
    """The outcomes in all worlds, those that look the same once; what told worlds apart is left out where it makes no
    difference to this packet."""
    alike = worlds[0].is_one_of_all and all(_looks(each) == _looks(found[0]) for each in found)
    kept: list[Outcome] = []
    for outcomes, world in zip(found, worlds, strict=True):
        before = () if alike else tuple(assumed(reply) for reply in world.given)
        for one in outcomes:
            told = [*before, *(a for a in one.assumptions if a not in before)]
            _add(kept, replace(one, assumptions=told, probability=one.probability * world.odds))
    return kept


def _looks(outcomes: Iterable[Outcome]) -> list[tuple[Outcome, float]]:
    return [(replace(one, probability=0.0), round(one.probability, 9)) for one in outcomes]


def _add(kept: list[Outcome], one: Outcome) -> None:
    for index, other in enumerate(kept):
        if replace(other, probability=0.0) == replace(one, probability=0.0):
            kept[index] = replace(other, probability=other.probability + one.probability)
            return
    kept.append(one)
