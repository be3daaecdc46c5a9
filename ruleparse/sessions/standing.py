"""How things may stand between packets, and ways for them to stand that are one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

from ruleparse.bits import Bool
from ruleparse.fates.outcomes import Answered
from ruleparse.packet import Packet, Unknowns, assumption
from ruleparse.program import Stop, Table

MOST_WORLDS = 64
"""The likeliest are followed."""

WHICH_WAY = assumption(f"the packets before went one of the {MOST_WORLDS} likeliest ways")
FOLLOWED = Answered(WHICH_WAY, None, True)
"""What is taken for granted once there were more."""

MOST_OPEN = 16
"""Nodes of the diagrams that say which of the connections are there that a packet may meet in one world."""


class Remembered(Protocol):
    """What a node remembers that packets leave behind, besides single values."""

    def copy(self) -> Self: ...

    def joined(self, other: Self, when: Bool) -> Self:
        """This where a condition holds, the other elsewhere."""

    @property
    def open(self) -> int:
        """How much a packet may have to be asked about."""

    def settle(self, region: Bool) -> None:
        """From now on there is only what is so in a region."""

    def tables(self, family: int) -> Mapping[str, Table]:
        """Program tables that stand for it."""

    def generated(self, packet: Packet, stop: Stop, family: int) -> Packet | None:
        """The packet that the node sends because another ended so, to be walked from table ANSWER on."""

    def conclude(
        self, start: Packet, end: Packet, region: Bool, family: int, known: Mapping[tuple[str, Hashable], int]
    ) -> None:
        """Learn from a packet, given as it came in and as it was in the end, and numbers as far as `region` goes.

        `known` are the answers to questions that are known by then.
        """


@dataclass
class World:
    """One way things may stand. `known` are the answers given so far to questions that stay answered."""

    remembered: Remembered
    memory: dict[Hashable, Any] = field(default_factory=dict)
    known: dict[tuple[str, Hashable], int] = field(default_factory=dict)
    given: tuple[Answered, ...] = ()
    odds: float = 1.0


def merged(worlds: Iterable[World], unknowns: Unknowns) -> list[World]:
    """Worlds in which things stand the same are one, as are those that the answer to a question tells apart."""
    kept: list[World] = []
    for world in worlds:
        whole = world
        while (same := next(((one, w) for one in kept if (w := _one(one, whole, unknowns))), None)) is not None:
            kept.remove(same[0])
            whole = same[1]
        kept.append(whole)
    return kept


def _one(a: World, b: World, unknowns: Unknowns) -> World | None:
    """One world for two, if nothing but odds or the answer to one question tells them apart."""
    told_apart = {*a.given} ^ {*b.given}
    if len({(one.question, one.about) for one in told_apart}) > 1 or (told_apart and a.odds != b.odds):
        return None
    if a.memory != b.memory:
        return None
    if a.remembered != b.remembered:
        return _by_the_answer(a, b, told_apart, unknowns) if len(told_apart) == 2 else None
    if not told_apart:
        return replace(a, odds=a.odds + b.odds) if a.known == b.known else None
    return _in_common(a, b, a.remembered)


def _by_the_answer(a: World, b: World, told_apart: Iterable[Answered], unknowns: Unknowns) -> World | None:
    answer = next(one for one in told_apart if one.answer)
    plain = answer.stays and not isinstance(answer.about, tuple)
    about = answer.about if plain else unknowns.event()
    yes, no = (a, b) if answer in a.given else (b, a)
    remembered = yes.remembered.joined(no.remembered, unknowns.ask(answer.question, about))
    if remembered.open > MOST_OPEN:
        return None
    unknowns.keep(answer.question, about)
    return _in_common(a, b, remembered)


def _in_common(a: World, b: World, remembered: Remembered) -> World:
    known = {key: answer for key, answer in a.known.items() if b.known.get(key) == answer}
    given = tuple(one for one in a.given if one in b.given)
    return World(remembered, a.memory, known, given, a.odds)


def likeliest(worlds: list[World]) -> list[World]:
    """Not too many of them; what the others would do is left open from then on."""
    if len(worlds) <= MOST_WORLDS:
        return worlds
    kept = sorted(worlds, key=lambda world: -world.odds)[:MOST_WORLDS]
    return [world if FOLLOWED in world.given else replace(world, given=(FOLLOWED, *world.given)) for world in kept]
