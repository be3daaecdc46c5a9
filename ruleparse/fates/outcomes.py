"""From one symbolic walk to its outcomes: each fate once, when it comes about, and a concrete walk that shows it.

An outcome's region is found by a witness: pick a packet that ends a certain way and take all packets that end there
with the same rewrites. Where that, or the path, depends on questions the dumps leave open, there is one outcome for
each set of answers. A witness of each, walked with every question answered, is what explains it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.evaluate import End, Hit, walk
from ruleparse.packet import FIELDS, Assumption, Packet, Point
from ruleparse.program import Note, Program, Way

LIMIT = 400
"""Outcomes that are told apart; more are counted together."""

KEYS = ("decided", "route_out", "dst_nat_rule", "src_nat_rule")
"""Fields by which fates differ even when the verdict is the same."""

_REPORTED = (
    "src",
    "dst",
    "proto",
    "sport",
    "dport",
    "icmp_type",
    "icmp_code",
    "ttl",
    "tos",
    "mark",
    "ct_mark",
    "priority",
)
"""Fields of the packet that an answer shows."""

_ALSO_SHOWN = ("route_gateway",)
"""Fields that are shown where they have one value, and tell no fates apart."""

_MOST_UNCERTAIN_HITS = 2000
_MOST_PATHS = 64
"""Beyond so many rules that may or may not be hit, or paths to one fate, only fates are told apart."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, the number that it was about (None if about none), and the answer."""

    question: Assumption
    about: Number | None
    answer: bool

    @property
    def stays(self) -> bool:
        """Whether the same question has the same answer when another packet asks it."""
        return self.question.probability is None and not self.question.passing and not isinstance(self.about, Way)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fate. `packet` holds fields as they were at the end, None where they vary within the outcome.

    `region` says for which values of the unknown fields (after `assumptions`); `probability` is that of the random
    choices taken.
    """

    end: End
    packet: Mapping[str, int | None]
    region: Bool
    assumptions: tuple[Answered, ...]
    probability: float
    hits: tuple[Hit, ...]


@dataclass(slots=True)
class Explored:
    """Every outcome of a packet. `complete` is False if there were more than LIMIT."""

    outcomes: list[Outcome] = field(default_factory=list)
    complete: bool = True


def explore(
    program: Program, entry: str, packet: Packet, reach: Bool = True, *, some_will_do: bool = False
) -> Explored:
    """Walk a packet, known or not, and tell its fates apart.

    Raises MemoryError where there is no room for the walk, or for all the fates; `some_will_do` then leaves some out.
    """
    found = walk(program, entry, packet, None, reach)
    certain = len(found.ends) == 1 and all(h.when is True for h in found.hits)
    if certain and all(isinstance(found.ends[0].packet[k], int) for k in KEYS):
        end, hits = found.ends[0], tuple(found.hits)
        return Explored([Outcome(end, shown(end.packet, True), True, presumed(hits), 1.0, hits)])
    splitter = _Splitter(program, entry, packet, found.hits)
    splitter.split(found.ends, some_will_do)
    return splitter.result


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a region in which certain questions have certain answers; `odds` are those of its random choices."""

    region: Bool
    given: tuple[Answered, ...] = ()
    odds: float = 1.0


class _Splitter:
    def __init__(self, program: Program, entry: str, packet: Packet, hits: Sequence[Hit]) -> None:
        self.program = program
        self.entry = entry
        self.packet = packet
        self.unknowns = packet.unknowns
        self.result = Explored()
        uncertain = [h.when for h in hits if not isinstance(h.when, bool) and h.rule.number is not None]
        self.paths = list(dict.fromkeys(uncertain)) if len(uncertain) <= _MOST_UNCERTAIN_HITS else []
        self.inside: dict[Bool, list[Bool]] = {}
        """what of the paths is uncertain in the region that was last asked about"""

    def split(self, ends: list[End], some_will_do: bool) -> None:
        """Every end in its turn, so that none is left out where there is more than can be told."""
        left = deque((end, end.when) for end in ends)
        while left:
            if len(self.result.outcomes) >= LIMIT:
                self.result.complete = False
                return
            end, region = left.popleft()
            try:
                rest = self.take(end, region)
            except MemoryError:
                if not some_will_do or not (left or self.result.outcomes):
                    raise
                self.result.complete, rest = False, False
            if rest is not False:
                left.append((end, rest))

    def take(self, end: End, rest: Bool) -> Bool:
        """Add the outcomes around one witness of `rest`; what is left of it."""
        region = bits.both(rest, self.alike(end, self.unknowns.witness(rest).value))
        for piece in self.pieces(region):
            hits = self.path(self.unknowns.witness(piece.region))
            given = self.unknowns.whatever_the_answers(piece.region)
            values, answers = shown(end.packet, piece.region), (*piece.given, *presumed(hits))
            self.result.outcomes.append(Outcome(end, values, given, answers, piece.odds, hits))
        return bits.without(rest, region)

    def alike(self, end: End, value: Callable[[Number], int]) -> Bool:
        """Packets that end with the same rewrites as the witness; where to is nothing to one that gets nowhere."""
        same: Bool = True
        packet, keys = end.packet, KEYS if end.stop.verdict == "accept" else ()
        for name in (*keys, *(f for f in _REPORTED if self.settled_at_first(f))):
            n = packet[name] if packet.given(name) else 0
            same = bits.both(
                same, self.unknowns.whatever_is_made_up(bits.equal_masked(n, value(n), -1), also_the_way_out=True)
            )
        return same

    def settled_at_first(self, name: str) -> bool:
        return self.packet.given(name) and isinstance(self.packet[name], int)

    def pieces(self, region: Bool) -> list[Piece]:
        """A region by the answers that its fate depends on, and by those that the path does, as far as they are few."""
        pieces = [Piece(region)]
        asked = [(variable, question, about) for (_, about), (variable, question) in self.unknowns.assumptions.items()]
        for each in asked:
            pieces = [p for piece in pieces for p in by_answer(piece, *each, [piece.region])]
            if len(pieces) > LIMIT:
                self.result.complete, pieces = False, pieces[:LIMIT]
        for each in asked:
            if len(pieces) > _MOST_PATHS:
                break
            pieces = [p for piece in pieces for p in by_answer(piece, *each, self.uncertain(piece.region, each[0]))]
        return pieces

    def uncertain(self, region: Bool, variable: bits.Function) -> list[Bool]:
        """Conditions under which some rules are hit in a region, where they are not hit in all of it or none.

        None for an answer that the region has settled: it was told apart before.
        """
        if bits.depends(region, variable):
            return []
        if region not in self.inside:
            within = (bits.both(region, path) for path in self.paths)
            self.inside = {region: [c for c in within if c is not False and c != region]}
        return self.inside[region]

    def path(self, point: Point) -> tuple[Hit, ...]:
        return path(self.program, self.entry, self.packet, point)


def path(program: Program, entry: str, packet: Packet, point: Point) -> tuple[Hit, ...]:
    """The rules that one packet hits."""
    known = {name: point.value(n) for name, n in packet.values.items()}
    concrete = Packet({**point.fields, **known}, packet.unknowns, packet.raw)
    return tuple(h for h in walk(program, entry, concrete, point.answers).hits if h.when is True)


def by_answer(
    piece: Piece, variable: bits.Function, question: Assumption, about: Number | None, conditions: Sequence[Bool]
) -> list[Piece]:
    """A piece as it is if no condition depends on a question, else one for each answer."""
    if not any(bits.depends(c, variable) for c in conditions):
        return [piece]
    found = []
    for answer in (True, False):
        region = bits.both(piece.region, variable if answer else bits.negate(variable))
        if region is False:
            continue
        if question.probability is None:
            found.append(Piece(region, (*piece.given, Answered(question, about, answer)), piece.odds))
        else:
            odds = question.probability if answer else 1 - question.probability
            found.append(Piece(region, piece.given, piece.odds * odds))
    return found


def presumed(hits: Iterable[Hit]) -> tuple[Answered, ...]:
    """What is taken for true on a path, because no dump tells what else would be."""
    notes = (action for hit in hits for action in hit.rule.actions if isinstance(action, Note))
    return tuple(Answered(q, None, True) for q in dict.fromkeys(n.presumes for n in notes) if q is not None)


def shown(packet: Packet, region: Bool) -> dict[str, int | None]:
    names = (*KEYS, *_REPORTED, *_ALSO_SHOWN)
    return {
        name: bits.constant(packet[name], region) if packet.given(name) else None for name in names if name in FIELDS
    }
