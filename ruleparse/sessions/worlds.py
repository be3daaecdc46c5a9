"""Packets one after another: what each leaves behind is what the next one meets.

Where a packet's way depends on chance or on what nobody saved, what it leaves behind does, too; so there may be several
worlds, each with its own memory, its answers so far, and its odds. No time passes between packets.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.evaluate import End, Path, Walk, walk
from ruleparse.fates.outcomes import Answered, Explored, Outcome, Piece, by_answer, shown
from ruleparse.packet import Packet
from ruleparse.program import Program, Stop, Table
from ruleparse.sessions.standing import FOLLOWED, WHICH_WAY, World, likeliest, merged

ANSWER = "answer"

_MOST_PATHS = 256
_MOST_PIECES = 32


@dataclass(frozen=True)
class _Way:
    """One path of a packet through one world."""

    world: World
    walked: Walk
    end: End
    memory: ChainMap[Hashable, Any]


@dataclass(frozen=True)
class Behind:
    """What one outcome of a packet leaves behind: the packet as it was in the end, and the world."""

    outcome: Outcome
    end: End
    world: World


class Worlds:
    """The memory of a node while packets pass."""

    def __init__(self, *worlds: World) -> None:
        self.worlds = list(worlds)
        self.complete = True
        self.behind: list[Behind] = []
        """of the last packet, one for each path"""

    def explore(self, program: Program, entry: str, packet: Packet, family: int, reach: Bool = True) -> Explored:
        """Walk one more packet through every world; each of its fates once, and what it leaves behind."""
        seen = [list(self._ways(world, program, entry, packet, family, reach)) for world in self.worlds]
        parts = [[(way, piece) for way in ways for piece in _pieces(way, packet)] for ways in seen]
        found = [[_left(*part, packet, family, len(each) == 1) for part in each] for each in parts]
        self.behind = [one for ways in found for one in ways]
        outcomes = _together(_wherever(self.worlds, [[one.outcome for one in ways] for ways in found], self.complete))
        after = [world for one in self.behind for world in self._aftermath(one, program, family)]
        self.worlds = likeliest(merged(after, packet.unknowns))
        if not self.complete:
            outcomes += _whatever_else(packet, reach)
        self.complete = self.complete and not any(FOLLOWED in world.given for world in self.worlds)
        return Explored(outcomes, self.complete)

    def _ways(
        self, world: World, program: Program, entry: str, packet: Packet, family: int, reach: Bool
    ) -> Iterator[_Way]:
        """Every path: a walk notes the choices that it made, and each is made the other way later."""
        whole = _Overlaid(world.remembered.tables(family), program)
        pending: list[list[bool]] = [[]]
        for _ in range(_MOST_PATHS):
            if not pending:
                return
            script = pending.pop()
            changes: dict[Hashable, Any] = {}
            memory = ChainMap(changes, world.memory)
            path = Path(_following(script, pending), memory)
            walked = walk(whole, entry, packet, world.known, reach, path)
            ends = [end for end in walked.ends if end.stop.verdict != "output"]
            if ends:
                yield _Way(world, walked, ends[-1], memory)
        self.complete = self.complete and not pending

    def _aftermath(self, one: Behind, program: Program, family: int) -> list[World]:
        """The world when what the node sends because of a packet has gone its way, too."""
        packet = one.world.remembered.generated(one.end.packet, one.end.stop, family)
        if packet is None:
            return [one.world]
        alone = Worlds(one.world)
        alone.explore(program, ANSWER, packet, family, packet.unknowns.whatever_the_answers(one.end.when))
        return alone.worlds


class _Overlaid(Mapping[str, Table]):
    """A program in which some tables are others."""

    def __init__(self, tables: Mapping[str, Table], program: Program) -> None:
        self._tables, self._program = tables, program

    def __getitem__(self, name: str) -> Table:
        return self._tables.get(name) or self._program[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._program)

    def __len__(self) -> int:
        return len(self._program)


def _following(script: list[bool], pending: list[list[bool]]) -> Callable[[], bool]:
    """Choices as a script says; behind its end, yes, and the other choice is another path."""
    made: list[bool] = []

    def choose() -> bool:
        if len(made) == len(script):
            pending.append([*made, False])
            script.append(True)
        made.append(script[len(made)])
        return made[-1]

    return choose


def _pieces(way: _Way, packet: Packet) -> list[Piece]:
    """The region of a path by the answers to questions that it depends on, as far as they are few."""
    pieces = [Piece(way.end.when)]
    for (_, about), (variable, question) in packet.unknowns.assumptions.items():
        if len(pieces) > _MOST_PIECES:
            break
        pieces = [p for piece in pieces for p in by_answer(piece, variable, question, about, [piece.region])]
    return pieces


def _left(way: _Way, piece: Piece, packet: Packet, family: int, alone: bool) -> Behind:
    return Behind(_outcome(way, piece, packet), way.end, _concluded(way, piece, packet, family, alone=alone))


def _outcome(way: _Way, piece: Piece, packet: Packet) -> Outcome:
    region = packet.unknowns.whatever_the_answers(packet.unknowns.whatever_is_made_up(piece.region))
    hits = tuple(hit for hit in way.walked.hits if hit.when is not False)
    return Outcome(way.end, shown(way.end.packet, piece.region), region, piece.given, piece.odds, hits)


def _concluded(way: _Way, piece: Piece, packet: Packet, family: int, *, alone: bool) -> World:
    world = way.world
    remembered = world.remembered if alone else world.remembered.copy()
    memory = world.memory if alone else dict(world.memory)
    memory.update(way.memory.maps[0])
    made_up = packet.unknowns.made_up_part(piece.region)
    known = dict(world.known)
    known.update({(a.question.question, a.about): int(a.answer) for a in piece.given if a.stays})
    remembered.settle(piece.region)
    remembered.conclude(packet, way.end.packet, made_up, family, known)
    return World(remembered, memory, known, (*world.given, *piece.given), world.odds * piece.odds)


def _wherever(worlds: list[World], found: list[list[Outcome]], complete: bool) -> list[Outcome]:
    """The outcomes in all worlds; what told these apart is left out where it makes no difference to this packet."""
    looks = [{_look(one): one.probability for one in outcomes} for outcomes in found]
    if all(look == looks[0] for look in looks):
        followed = () if complete else (FOLLOWED,)
        return [replace(one, assumptions=(*followed, *one.assumptions)) for one in found[0]]
    return [
        replace(one, assumptions=(*world.given, *one.assumptions), probability=world.odds * one.probability)
        for world, outcomes in zip(worlds, found, strict=True)
        for one in outcomes
    ]


def answers_to(outcome: Outcome, behind: list[Behind], walk_back: Callable[[Behind], list[Outcome]]) -> list[Outcome]:
    """What becomes of the answers to the packets of one outcome, each walked back in the world that it left."""
    return _together([back for one in behind if _look(one.outcome) == _look(outcome) for back in walk_back(one)])


def by_itself(world: World) -> World:
    """A world to try something in, as if nothing had told it from others."""
    return World(world.remembered.copy(), dict(world.memory), dict(world.known))


def _whatever_else(packet: Packet, reach: Bool) -> list[Outcome]:
    """A packet that gets through somehow, and one that does not: the ways that were not followed may lead anywhere."""
    other = (Answered(WHICH_WAY, None, False),)
    ends = [End(reach, Stop(verdict), None, None, packet) for verdict in ("accept", "drop")]
    return [Outcome(end, {}, reach, other, 1.0, ()) for end in ends]


def _look(one: Outcome) -> Hashable:
    hits = tuple((id(hit.table), id(hit.rule)) for hit in one.hits if hit.rule.number is not None)
    end = (one.end.stop, id(one.end.table), id(one.end.rule), tuple(one.packet.items()))
    return (end, one.assumptions, hits)


def _together(found: list[Outcome]) -> list[Outcome]:
    """Fates that look the same told once: in several regions, or in several worlds of chance."""
    kept: dict[Hashable, Outcome] = {}
    for one in found:
        same = kept.setdefault(_look(one), one)
        if same is one:
            continue
        if same.region == one.region:
            same = replace(same, probability=same.probability + one.probability)
        else:
            same = replace(same, region=bits.either(same.region, one.region))
        kept[_look(one)] = same
    return list(kept.values())
