"""Which packets changed fate between two nodes, or two moments of one: their sets, by the rules that decide.

Both sides are walked with the same unknowns: what both leave open is the same question with the same answer, whatever
it is, and what is random is random on both. Where chance decides, fates are compared by how likely they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.changes.counters import Counters, counters
from ruleparse.evaluate import End
from ruleparse.fates.chance import Alike
from ruleparse.fates.concerned import Chains, Does, concerned
from ruleparse.fates.outcomes import Piece
from ruleparse.fates.whole import Fate, Fated, fates, pieces
from ruleparse.packet import Assumption, Unknowns
from ruleparse.program import words_of
from ruleparse.query.host import Asking, Packets, question_of, with_room
from ruleparse.snapshot import Snapshot, differing_rules
from ruleparse.spec import SpecError, family_of
from ruleparse.text import Diagnostic, Span

COMPARED = {
    "egress": "route_out",
    "src": "src",
    "dst": "dst",
    "sport": "sport",
    "dport": "dport",
    "icmp_id": "icmp_id",
    "ttl": "ttl",
    "tos": "tos",
    "mark": "mark",
    "ct_mark": "ct_mark",
    "priority": "priority",
    "mss": "mss_limit",
    "tcp_options": "tcp_stripped",
}
"""What makes the difference between two accepted packets, by the names that `--ignore` takes."""


@dataclass(frozen=True, slots=True)
class Change:
    """Packets that met one fate before, and another after; `local` if this node sends them.

    `before` and `after` hold the same packets, and the same witness. `fields` are those in which accepted packets
    differ.
    """

    before: Packets
    after: Packets
    local: bool
    family: int
    fields: Sequence[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """Every change; none if both sides do the same to every packet that was asked about."""

    asked: Mapping[str, Any]
    changes: Sequence[Change]
    notes: Sequence[str]
    diagnostics: Sequence[Diagnostic]
    counters: Counters | None = None
    """whose counters moved, if both sides were saved with them"""


_Read = tuple[dict[str, Does], dict[str, Does]]
"""What the chains of each side may do, as far as somebody asked."""


def difference(
    before: Snapshot, after: Snapshot, spec: Mapping[str, Any] | None = None, ignore: Collection[str] = ()
) -> Difference:
    """What changed for the packets of a description. Raises SpecError, MemoryError, RecursionError."""
    spec = {key: value for key, value in (spec or {}).items() if value is not None}
    if unknown := sorted(set(ignore) - COMPARED.keys()):
        raise SpecError(f"--ignore {unknown[0]}: there are {', '.join(COMPARED)}")
    families, notes = _families(before, after, spec)
    found: list[Change] = []
    if before.normal_texts != after.normal_texts:
        for family in families:
            read: _Read = {}, {}
            for ways in _ways({**spec, "family": family}):
                found += with_room(partial(_changes, before, after, ways, ignore, read), [before, after])
    moved = counters(before, after, families, spec)
    return Difference(spec, found, notes, [*before.all_diagnostics(), *after.all_diagnostics()], moved)


def _changes(
    before: Snapshot, after: Snapshot, spec: dict[str, Any], ignore: Collection[str], read: _Read, nodes: int
) -> list[Change]:
    compared = [field for name, field in COMPARED.items() if name not in ignore]
    return list(_Comparison(before, after, spec, compared, nodes, read).changes())


def _families(before: Snapshot, after: Snapshot, spec: Mapping[str, Any]) -> tuple[list[int], list[str]]:
    """Families that both sides have rules of, and what is to be said of others."""
    asked = family_of(spec)
    wanted = {asked} if asked is not None else {*before.families, *after.families}
    both = sorted(wanted & {*before.families} & {*after.families})
    notes = [
        f"IPv{family} is not compared: there is no `ip{'6' if family == 6 else ''}tables-save` {side}"
        for family in sorted(wanted)
        for side, snapshot in (("before", before), ("after", after))
        if family not in snapshot.families
    ]
    if not both:
        raise SpecError("; ".join(notes) or "no netfilter rules were saved, before or after")
    return both, notes


def _ways(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Packets that come in, and packets that the node sends, unless somebody said which."""
    if spec.get("in") or spec.get("local"):
        return [spec]
    return [spec, {**spec, "local": True}]


class Shared(Unknowns):
    """Unknowns of two nodes: questions are told apart by the words of the rule that asks, not by where it stands."""

    def wording(self, question: Assumption) -> str:
        where = question.rule.where if question.rule is not None else ""
        if question.rule is None or where not in question.question:
            return question.question
        return question.question.replace(where, self._rule(question.rule))

    def wording_of_number(self, field: str, question: Assumption, low: int, high: int) -> str:
        """Whoever picks a number of a range at random, it is a number of that range."""
        where = question.rule.where if question.rule is not None else ""
        return f"{field}: {question.question.replace(where, '') if where else question.question} ({low}-{high})"

    def _rule(self, span: Span) -> str:
        """The rule in words, numbered among rules of its dump that have the same."""
        words = self.words_of(span)
        alike = self._alike.setdefault((id(span.source), words), {})
        return f"{words} ({alike.setdefault(span.start, len(alike))})"

    def words_of(self, span: Span) -> str:
        return self.called_alike(words_of(span))

    def called_alike(self, words: str) -> str:
        """Without the names of chains that the other side does not have, as they may be renamed."""
        return (
            " ".join("CHAIN" if word in self.renamed else word for word in words.split(" ")) if self.renamed else words
        )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.renamed: Collection[str] = ()
        self._alike: dict[tuple[int, str], dict[int, int]] = {}


@dataclass(frozen=True, slots=True)
class _Pair:
    """Packets that end so before and so after, and are not the same then."""

    before: End
    after: End
    where: Bool


class _Comparison:
    """Two walks of the same packets."""

    def __init__(
        self,
        before: Snapshot,
        after: Snapshot,
        spec: dict[str, Any],
        compared: Sequence[str],
        nodes: int,
        read: _Read | None = None,
    ) -> None:
        self.question = question_of([before, after], spec, nodes, Shared)
        self.sides = [Asking(s, spec, self.question, [before, after]) for s in (before, after)]
        self.unknowns = self.question.packet.unknowns
        if isinstance(self.unknowns, Shared):
            self.unknowns.renamed = self.names_of_one()
        self.compared = compared
        self.read: _Read = read or ({}, {})
        self.unequal: dict[str, Bool] = dict.fromkeys(compared, False)
        """where each field ends up unequal"""

    def names_of_one(self) -> frozenset[str]:
        """Names of chains that only one of the two sides has."""
        one, other = ({chain.name for chain in side.words.program.chains.values()} for side in self.sides)
        return frozenset(one ^ other)

    def changes(self) -> Iterator[Change]:
        reach = self.concerned()
        walks = [side.walk(reach) for side in self.sides]
        pairs = list(self.pairs(walks[0].ends, walks[1].ends))
        alike = Alike(self.question.packet, [found.ends for found in walks], self.unequal)
        changed = alike.not_alike(bits.any_of(pair.where for pair in pairs))
        groups: dict[tuple[Fate, Fate], list[tuple[Fated, Fated]]] = {}
        for pair in pairs:
            for one, other in self.told_apart(pair, changed):
                groups.setdefault((_but_egress(one, other), _but_egress(other, one)), []).append((one, other))
        found = [change for fated in groups.values() for change in self.described(fated)]
        return iter(sorted(found, key=lambda c: (_KINDS.index((c.before.verdict, c.after.verdict)), -c.before.count)))

    def concerned(self) -> Bool:
        """Packets that could change fate: all, where the nodes differ in more than rules and sets."""
        reach, packet = self.question.reach, self.question.packet
        programs = [side.words.program for side in self.sides]
        places = differing_rules([side.words.snapshot for side in self.sides], programs)
        if places is None:
            return reach
        found: Bool = False
        for side, program, here, read in zip(self.sides, programs, places, self.read, strict=True):
            packets = concerned(Chains(program, program.chains, read), side.words.entry, packet, reach, here)
            found = bits.either(found, packets)
            self.read[1].update((name, read[name]) for name in read.keys() - places[0].keys() - places[1].keys())
        return bits.both(reach, found)

    # Where the two differ

    def pairs(self, before: Sequence[End], after: Sequence[End]) -> Iterator[_Pair]:
        kinds = {_kind(end) for end in (*before, *after)}
        together = {kind: bits.any_of(end.when for end in after if _kind(end) == kind) for kind in kinds}
        for one in before:
            rest = one.when if one.stop.verdict == "accept" else bits.without(one.when, together[_kind(one)])
            if rest is False:
                continue
            for other in after:
                where = bits.both(rest, other.when)
                if where is not False and (differing := self.differing(one, other, where)) is not False:
                    yield _Pair(one, other, differing)

    def differing(self, one: End, other: End, where: Bool) -> Bool:
        if _kind(one) != _kind(other):
            return self.unknowns.whatever_is_made_up(where)
        if one.stop.verdict != "accept":
            return False
        found: Bool = False
        for name in self.compared:
            unequal = self.unequal_in(name, one, other, where)
            self.unequal[name] = bits.either(self.unequal[name], unequal)
            found = bits.either(found, unequal)
        return found

    def unequal_in(self, name: str, one: End, other: End, where: Bool) -> Bool:
        """Where a field ends up unequal; bit by bit, so that numbers made up are not compared as a whole."""
        if not (one.packet.given(name) or other.packet.given(name)):
            return False
        a, b = one.packet[name], other.packet[name]
        return bits.any_of(
            self.unknowns.whatever_is_made_up(bits.both(where, bit)) for bit in bits.differing_bits(a, b)
        )

    # In words

    def told_apart(self, pair: _Pair, changed: Bool) -> Iterator[tuple[Fated, Fated]]:
        """A pair by the rules that decide."""
        where = bits.both(pair.where, changed)
        for one in fates([pair.before], self.sides[0].words.program.rule, where):
            for other in fates([pair.after], self.sides[1].words.program.rule, one.when):
                yield replace(one, when=other.when), other

    def described(self, fated: Sequence[tuple[Fated, Fated]]) -> Iterator[Change]:
        region = self.unknowns.whatever_is_made_up(bits.any_of(other.when for _, other in fated))
        for piece in pieces(region, self.unknowns):
            yield self.change(piece, fated)

    def change(self, piece: Piece, fated: Sequence[tuple[Fated, Fated]]) -> Change:
        within = bits.both(bits.any_of(other.when for _, other in fated), self.sides[0].given(piece))
        point = self.sides[0].likely(within)
        before, after = (
            side.packets(_whole_fate(mine), mine, piece, point)
            for side, mine in zip(self.sides, zip(*fated, strict=True), strict=True)
        )
        fields = [n for n, f in COMPARED.items() if f in self.compared and self.differ_in(f, fated, within)]
        return Change(before, after, self.question.local, self.question.family, fields)

    def differ_in(self, name: str, fated: Sequence[tuple[Fated, Fated]], within: Bool) -> bool:
        if any(one.fate.stop.verdict != "accept" for pair in fated for one in pair):
            return False
        ends = (
            (End(a.when, a.fate.stop, None, None, a.packet), End(b.when, b.fate.stop, None, None, b.packet), b)
            for a, b in fated
        )
        return any(self.unequal_in(name, a, b, bits.both(within, other.when)) is not False for a, b, other in ends)


def _kind(end: End) -> tuple[str, str | None]:
    return end.stop.verdict, end.stop.detail


def _but_egress(fate: Fated, other: Fated) -> Fate:
    """Where a packet left matters where it still leaves."""
    if {fate.fate.stop.verdict, other.fate.stop.verdict} == {"accept"}:
        return fate.fate
    return replace(fate.fate, egress=None)


def _whole_fate(fated: Sequence[Fated]) -> Fate:
    first = fated[0].fate
    return first if all(one.fate.egress == first.egress for one in fated) else replace(first, egress=None)


_KINDS = [
    ("accept", "drop"),
    ("accept", "reject"),
    ("drop", "accept"),
    ("reject", "accept"),
    ("accept", "accept"),
    ("drop", "reject"),
    ("reject", "drop"),
    ("reject", "reject"),
    ("drop", "drop"),
]
"""In the order in which people want to hear of them."""
