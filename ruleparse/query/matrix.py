"""Who reaches whom: for each two parties of a node, the fate of all packets from the one to the other.

All of them are walked at once (once those that arrive, once those that this node sends); a cell is what that walk says
of its packets, so it is as exact as `query`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.evaluate import End
from ruleparse.fates.outcomes import Piece
from ruleparse.fates.whole import Fate, Fated, fates, pieces
from ruleparse.packet import Assumption, Unknowns
from ruleparse.parties import Parties, Party, parties_of
from ruleparse.query.host import VERDICTS, Asking, question_of, with_room
from ruleparse.sets.readable import Row
from ruleparse.snapshot import Snapshot
from ruleparse.text import Diagnostic
from ruleparse.why import Assumed, Place

MOST = 30
"""Pods, endpoints elsewhere, and services that are told, of each kind."""

MOST_FATES = 20
_FEW_FATES = 3
"""Rules of each verdict that are told of one cell, and where a cell is told briefly."""
_MOST_QUESTIONS = 8
"""With more, fates are not told apart by the answers."""

PARTLY, DEPENDS, SOMEHOW = "partly", "depends", "refused"
REFUSED = ("drop", "reject")
_SINGLE = ("pod", "endpoint")
"""One host each: what it says to itself does not pass the node."""


@dataclass(frozen=True, slots=True)
class Met:
    """A fate in a cell, and a packet that meets it. `when` and `assumptions` are told where a cell's verdicts differ,
    and not on too many questions; `when` is None if it is all of the cell's packets.
    """

    verdict: str
    egress: str | None
    reject_with: str | None
    reason: str | None
    decided_by: Place | None
    when: Sequence[Row] | None
    when_cut: bool
    assumptions: Sequence[Assumed]
    probability: float
    witness: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What the dumps leave open, and the command that settles it."""

    question: str
    settle: str


@dataclass(frozen=True, slots=True)
class Cell:
    """What becomes of all packets of one party to another.

    `verdict` is theirs: `accept`, `drop`, `reject`, `refused` if some are dropped and some rejected, `partly` if some
    get through and some do not, `depends` if an open question or chance decides, `on` are the questions then. `more`
    counts the ends of packets besides `fates`.
    """

    source: int
    target: int
    verdict: str
    on: Sequence[Question]
    fates: Sequence[Met]
    more: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """`cells` are by source and target, indices of `parties`; a pair that no packet was asked about has none.

    `notes` say what was left out.
    """

    family: int
    asked: Mapping[str, Any]
    parties: Sequence[Party]
    cells: Mapping[tuple[int, int], Cell]
    notes: Sequence[str]
    diagnostics: Sequence[Diagnostic]


def matrix(snapshot: Snapshot, spec: Mapping[str, Any], most: int = MOST) -> Matrix:
    """Who reaches whom with packets of a description. Raises SpecError, MemoryError, RecursionError."""
    spec = {key: value for key, value in spec.items() if value is not None}
    return with_room(partial(_matrix, snapshot, spec, most), [snapshot])


def _matrix(snapshot: Snapshot, spec: dict[str, Any], most: int, nodes: int) -> Matrix:
    arriving = None if spec.get("local") else _asking(snapshot, spec, nodes)
    sending = None if spec.get("in") else _asking(snapshot, {**spec, "local": True}, nodes)
    some = arriving or sending
    assert some is not None
    everybody = parties_of(snapshot, some.words.names, some.question.family)
    chosen = _Choice(everybody, arriving, sending, most)
    cells = {
        (cell.source, cell.target): cell
        for asking in (arriving, sending)
        if asking is not None
        for cell in _cells(asking, chosen.parties)
    }
    notes = [*everybody.notes, *chosen.notes]
    return Matrix(some.question.family, spec, chosen.parties, cells, notes, snapshot.all_diagnostics())


def _asking(snapshot: Snapshot, spec: dict[str, Any], nodes: int) -> Asking:
    return Asking(snapshot, spec, question_of([snapshot], spec, nodes), [snapshot])


def left_out(count: int, most: int, what: str) -> str:
    return f"{count - most} more {what}s are left out (--most {count} takes them)"


def sent(asking: Asking, party: Party) -> Bool:
    """The packets asked about that are from a party."""
    packet, local = asking.question.packet, asking.question.local
    if local != (party.kind == "node") or party.kind == "service":
        return False
    return bits.both(asking.question.reach, party.sends_itself(packet) if local else party.sends(packet))


def received(asking: Asking, party: Party) -> Bool:
    """The packets asked about that are for a party."""
    return bits.both(asking.question.reach, party.gets(asking.question.packet))


class _Choice:
    """The parties of whom or to whom packets were asked about, as many of each kind as are told."""

    def __init__(self, everybody: Parties, arriving: Asking | None, sending: Asking | None, most: int) -> None:
        sides = [asking for asking in (arriving, sending) if asking is not None]
        self.parties: list[Party] = []
        self.notes: list[str] = []
        kinds: dict[str, list[Party]] = {}
        for party in everybody.everybody:
            concerned = any(sent(a, party) is not False or received(a, party) is not False for a in sides)
            kinds.setdefault(party.kind if concerned else f"other {party.kind}", []).append(party)
        for kind, found in kinds.items():
            if not kind.startswith("other "):
                self.parties += found[:most]
                if len(found) > most:
                    self.notes.append(left_out(len(found), most, kind))
        if others := kinds.get("other service"):
            self.notes.append(f"{len(others)} services are left out that have another address, protocol or port")


def _cells(asking: Asking, parties: Sequence[Party]) -> Iterator[Cell]:
    sources = [(i, when) for i, p in enumerate(parties) if (when := sent(asking, p)) is not False]
    targets = [(i, when) for i, p in enumerate(parties) if (when := received(asking, p)) is not False]
    among = bits.both(bits.any_of(when for _, when in sources), bits.any_of(when for _, when in targets))
    ends = asking.walk(among).ends if among is not False else []
    itself = {(i, i) for i, party in enumerate(parties) if party.kind in _SINGLE}
    return cells_between(asking, ends, sources, targets, itself)


Sets = Sequence[tuple[int, Bool]]
"""The packets of some parties, by index."""


def cells_between(
    asking: Asking,
    ends: Sequence[End],
    sources: Sets,
    targets: Sets,
    but: Collection[tuple[int, int]] = (),
    *,
    brief: bool = False,
) -> Iterator[Cell]:
    """The cells of all pairs that packets were asked about, `but` for some; `brief`ly, with few fates as they are."""
    cells = _Cells(asking, brief)
    for source, sending in sources:
        theirs = _narrowed(ends, sending)
        for target, receiving in targets:
            if (source, target) not in but and (found := _narrowed(theirs, receiving)):
                yield cells.cell(source, target, found, bits.both(sending, receiving))


class _Cells:
    def __init__(self, asking: Asking, brief: bool) -> None:
        self.asking = asking
        self.unknowns: Unknowns = asking.unknowns
        self.brief = brief

    def cell(self, source: int, target: int, ends: Sequence[End], when: Bool) -> Cell:
        of = {v: [end for end in ends if end.stop.verdict == v] for v in VERDICTS}
        regions = {v: self.unknowns.whatever_is_made_up(bits.any_of(end.when for end in of[v])) for v in of if of[v]}
        verdict = self.verdict(regions)
        on = self.open_questions(list(regions.values())) if verdict in (PARTLY, DEPENDS) else []
        told = [end for v in of for end in of[v][: _FEW_FATES if self.brief else MOST_FATES]]
        grouped: dict[Fate, list[Fated]] = {}
        for one in fates(told, self.asking.words.program.rule):
            grouped.setdefault(one.fate, []).append(one)
        split = len(regions) > 1 and len(on) <= _MOST_QUESTIONS and not self.brief
        found = (met for fate, fated in grouped.items() for met in self.told(fate, fated, when if split else None))
        by_verdict = sorted(found, key=lambda met: VERDICTS.index(met.verdict))
        questions = [Question(question.question, question.settle) for question in on]
        return Cell(source, target, verdict, questions, by_verdict, len(ends) - len(told))

    def verdict(self, by_verdict: Mapping[str, Bool]) -> str:
        """Whether packets differ, or what one packet meets is open; drop or reject is a detail."""
        if len(by_verdict) == 1:
            return next(iter(by_verdict))
        if "accept" not in by_verdict:
            return SOMEHOW
        regions = [by_verdict["accept"], bits.any_of(by_verdict[v] for v in REFUSED if v in by_verdict)]
        answers = [variable for variable, _ in self.unknowns.assumptions.values()]
        accepted, refused = (bits.exists(region, answers) for region in regions)
        return PARTLY if bits.both(accepted, refused) is False else DEPENDS

    def open_questions(self, regions: Sequence[Bool]) -> list[Assumption]:
        asked = self.unknowns.assumptions.values()
        return [q for v, q in asked if q.probability is None and any(bits.depends(r, v) for r in regions)]

    def told(self, fate: Fate, fated: Sequence[Fated], cell: Bool | None) -> Iterator[Met]:
        """A fate; where verdicts differ within a cell, with the packets and the answers under which it is met."""
        region = self.unknowns.whatever_is_made_up(bits.any_of(one.when for one in fated))
        if cell is None:
            region = bits.exists(region, self.unknowns.open_answers)
        for piece in pieces(region, self.unknowns):
            yield self.met(fate, fated, piece, cell)

    def met(self, fate: Fate, fated: Sequence[Fated], piece: Piece, cell: Bool | None) -> Met:
        asking = self.asking
        within = bits.both(bits.any_of(one.when for one in fated), asking.given(piece))
        rows = None if cell is None or bits.without(cell, piece.region) is False else asking.rows(piece.region)
        return Met(
            verdict=fate.stop.verdict,
            egress=asking.egress(fate),
            reject_with=fate.stop.detail if fate.stop.verdict == "reject" else None,
            reason=fate.stop.reason,
            decided_by=fate.decider and asking.words.place(*fate.decider),
            when=rows and rows[0],
            when_cut=rows is not None and rows[1],
            assumptions=[asking.words.assumed(a) for a in piece.given],
            probability=piece.odds,
            witness=asking.witness(asking.likely(within)),
        )


def _narrowed(ends: Sequence[End], within: Bool) -> list[End]:
    both = ((end, bits.both(end.when, within)) for end in ends)
    return [replace(end, when=when) for end, when in both if when is not False]
