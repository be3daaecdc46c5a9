"""All packets with a fate, as sets that do not overlap, each with the rule that decides and a packet that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import address, interface_name, show_address
from ruleparse.evaluate import Walk, walk
from ruleparse.fates.outcomes import Piece, path
from ruleparse.fates.whole import ORDER, Fate, Fated, RulePattern, cases, fates, pieces
from ruleparse.interface_atoms import Atom
from ruleparse.packet import Point, Unknowns
from ruleparse.sets.readable import Row
from ruleparse.sets.shortest import shortest_rows
from ruleparse.snapshot import Snapshot, interfaces_of
from ruleparse.spec import Asked, SpecError, asked, is_whole, written
from ruleparse.spec import interfaces_of as interfaces_named
from ruleparse.text import Diagnostic
from ruleparse.why import Answering, Assumed, Place, asked_family
from ruleparse.why_bridge import FlowStep
from ruleparse.wired import for_this_node, wired

ROOMS = (1 << 20, 1 << 24)
"""Nodes of decision diagrams for one answer, the larger where the smaller will not do; it takes about a gigabyte."""
_LARGE = 1 << 22
"""Characters of dumps that hardly leave the smaller room enough."""
MOST_ROWS = 10_000
MOST_REWRITES = 64
Answered = TypeVar("Answered")
VERDICTS = ("accept", "drop", "reject")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which fates are asked about: all where nothing is said. Rules are named as `[TABLE ]CHAIN[:RULE]`, with `*`."""

    verdict: str | None = None
    decided_by: str | None = None
    egress: str | None = None
    reaches: str | None = None


@dataclass(frozen=True, slots=True)
class Packets:
    """A set of packets with one fate. `when` is None if it is all that was asked about; no packet is in two sets, but
    for those whose fate is a matter of chance: `probability` is how likely it is this one.
    """

    verdict: str
    egress: str | None
    reject_with: str | None
    reason: str | None
    decided_by: Place | FlowStep | None
    explanation: Sequence[str]
    when: Sequence[Row] | None
    when_cut: bool
    assumptions: Sequence[Assumed]
    probability: float
    count: int
    rewrites: Sequence[Mapping[str, str | int]]
    rewrites_cut: bool
    witness: Mapping[str, Any]
    names: Mapping[str, str] = field(default_factory=dict)
    """what addresses and interfaces in `when` and `rewrites` are called"""


@dataclass(frozen=True, slots=True)
class Answer:
    """Every set of packets that was asked about, and how many packets there are at all."""

    family: int
    asked: Mapping[str, Any]
    sets: Sequence[Packets]
    count: int
    diagnostics: Sequence[Diagnostic]


def query(snapshot: Snapshot, spec: Mapping[str, Any], wanted: Wanted | None = None) -> Answer:
    """All packets of a description by their fate. Raises SpecError, MemoryError, RecursionError."""
    return with_room(lambda nodes: _answer(snapshot, spec, wanted or Wanted(), nodes), [snapshot])


def _answer(snapshot: Snapshot, spec: Mapping[str, Any], wanted: Wanted, nodes: int) -> Answer:
    question = question_of([snapshot], spec, nodes)
    asking = Asking(snapshot, spec, question, [snapshot])
    sets = list(asking.sets(wanted))
    count = question.packet.unknowns.count(bits.both(question.reach, asking.is_whole))
    return Answer(question.family, spec, sets, count, snapshot.all_diagnostics())


def with_room(answer: Callable[[int], Answered], about: Sequence[Snapshot] = ()) -> Answered:
    """An answer, in as much room as it takes; for one `about` large dumps no less is tried. Raises MemoryError."""
    *smaller, largest = ROOMS
    for nodes in smaller if sum(s.size for s in about) < _LARGE else ():
        with suppress(MemoryError):
            return answer(nodes)
    return answer(largest)


def given_part(piece: Piece, unknowns: Unknowns) -> Bool:
    """A piece as a region of what was walked: with the answers under which it holds."""
    asked = ((unknowns.ask(a.question, a.about), a.answer) for a in piece.given)
    held = (variable if answer else bits.negate(variable) for variable, answer in asked)
    return bits.all_of([piece.region, *held])


def question_of(
    snapshots: Sequence[Snapshot],
    spec: Mapping[str, Any],
    nodes: int,
    make: type[Unknowns] = Unknowns,
    also: Sequence[Atom] = (),
) -> Asked:
    """What is asked of one node, or of several alike: an unknown interface is one of theirs, or `also` of others."""
    given = wired(spec, snapshots[0])
    family = asked_family(snapshots[0], spec, given)

    def interfaces() -> list[int]:
        return [atom.value for atom in (*also, *interfaces_of(snapshots, interfaces_named(spec)))]

    question = asked(spec, family, given.fields, given.raw, interfaces, nodes, make=make, order=ORDER)
    return for_this_node(question, snapshots, interfaces)


_REST = "\x7f"
"""In the name that stands for all others of a kind."""

_MEANT = ("in", "src", "dst", "proto", "sport", "dport")
_NAMED = ("in", "out", "src", "dst")
_LIKELY = (("proto", 6), ("proto", 17), ("dport", 80), ("dport", 53), ("sport", 40000))


class Asking:
    """One walk of all packets that were asked about, and how to put its sets into words."""

    def __init__(self, snapshot: Snapshot, spec: Mapping[str, Any], question: Asked, among: Sequence[Snapshot]) -> None:
        self.question = question
        self.spec = spec
        self.among = among
        self.words = Answering(snapshot, spec, question, wired(spec, snapshot))
        self.is_whole = is_whole(question.packet)

    @property
    def unknowns(self) -> Unknowns:
        return self.question.packet.unknowns

    def walk(self, reach: Bool, *, naming: bool = False) -> Walk:
        return walk(self.words.program, self.words.entry, self.question.packet, None, reach, naming=naming)

    def sets(self, wanted: Wanted) -> Iterator[Packets]:
        """Every set that is wanted, the largest of each verdict first. Raises SpecError."""
        for place in (wanted.decided_by, wanted.reaches):
            if place is not None:
                self.check(place)
        if wanted.verdict is not None and wanted.verdict not in VERDICTS:
            raise SpecError(f"--verdict {wanted.verdict}: there are {', '.join(VERDICTS)}")
        found = self.walk(self.question.reach, naming=True)
        within = self.reaching(found, wanted.reaches) if wanted.reaches is not None else True
        grouped: dict[Fate, list[Fated]] = {}
        ends = [end for end in found.ends if wanted.verdict in (None, end.stop.verdict)]
        for one in fates(ends, self.words.program.rule, within):
            if self.fits(one.fate, wanted):
                grouped.setdefault(one.fate, []).append(one)
        told = [one for fate, fated in grouped.items() for one in self.of_fate(fate, fated)]
        return iter(sorted(told, key=lambda p: (VERDICTS.index(p.verdict), p.reason is not None, -p.count)))

    # Which are wanted

    def check(self, place: str) -> None:
        pattern = RulePattern.of(place)
        for name, chain in self.words.program.chains.items():
            group = name.removesuffix(f" {chain.name}").rpartition(" ")[2]
            if pattern.fits_chain(group, chain.name):
                return
        raise SpecError(f"there is no chain {place}; rules are named as [TABLE ]CHAIN[:RULE], * stands for anything")

    def reaching(self, found: Walk, place: str) -> Bool:
        pattern = RulePattern.of(place)
        hits = bits.any_of(hit.when for hit in found.hits if pattern.fits(hit.table, hit.rule))
        return bits.both(hits, found.names)

    def fits(self, fate: Fate, wanted: Wanted) -> bool:
        if wanted.egress is not None and self.egress(fate) != wanted.egress:
            return False
        return wanted.decided_by is None or (
            fate.decider is not None and RulePattern.of(wanted.decided_by).fits(*fate.decider)
        )

    def egress(self, fate: Fate) -> str | None:
        if fate.stop.verdict != "accept":
            return None
        if fate.stop.detail == "local":
            return "local"
        return self.shown_interface(fate.egress) if fate.egress else None

    def shown_interface(self, value: int) -> str:
        """A name, or the words for all those that no dump mentions."""
        name = interface_name(value)
        return next((a.text for a in self.atoms() if a.value == value), name) if _REST in name else name

    def atoms(self) -> Sequence[Atom]:
        return interfaces_of(self.among, interfaces_named(self.spec))

    # In words

    def of_fate(self, fate: Fate, fated: Sequence[Fated]) -> Iterator[Packets]:
        region = self.unknowns.whatever_is_made_up(bits.any_of(one.when for one in fated))
        for piece in pieces(region, self.unknowns):
            yield self.packets(fate, fated, piece)

    def packets(self, fate: Fate, fated: Sequence[Fated], piece: Piece, shown: Point | None = None) -> Packets:
        """A set in words; `shown` is one of its packets, if it matters which."""
        point = shown or self.likely(bits.both(bits.any_of(one.when for one in fated), self.given(piece)))
        rewrites = list(self.rewrites(fated, self.given(piece)))
        when = self.rows(piece.region)
        return Packets(
            verdict=fate.stop.verdict,
            egress=self.egress(fate),
            reject_with=fate.stop.detail if fate.stop.verdict == "reject" else None,
            reason=fate.stop.reason,
            decided_by=fate.decider and self.words.place(*fate.decider),
            explanation=self.explanation(fate, piece.region, point),
            when=None if when is None else when[0],
            when_cut=when is not None and when[1],
            assumptions=[self.words.assumed(a) for a in piece.given],
            probability=piece.odds,
            count=self.unknowns.count(bits.both(piece.region, self.is_whole)),
            rewrites=rewrites[:MOST_REWRITES],
            rewrites_cut=len(rewrites) > MOST_REWRITES,
            witness=self.witness(point),
            names=self.names((when[0] if when else [])[:MOST_REWRITES], rewrites),
        )

    def given(self, piece: Piece) -> Bool:
        return given_part(piece, self.unknowns)

    def rows(self, region: Bool) -> tuple[Sequence[Row], bool] | None:
        reach = self.question.reach
        if region is True or bits.without(reach, region) is False:
            return None
        shown = shortest_rows(region, self.unknowns, self.question.family, self.interfaces, MOST_ROWS)
        return None if shown is None or shown.rows == [{}] else (shown.rows, shown.more)

    def interfaces(self) -> list[str]:
        return [atom.text for atom in self.atoms()]

    def rewrites(self, fated: Sequence[Fated], region: Bool) -> Iterator[dict[str, str | int]]:
        """What NAT makes of the packets; None of a value where it makes several."""
        told: dict[tuple[object, ...], dict[str, str | int]] = {}
        for one in fated:
            if one.fate.stop.verdict != "accept":
                continue
            by_rule = [one.packet[name] for name in ("dst_nat_rule", "src_nat_rule")]
            for part, (to, source) in cases(bits.both(one.when, region), by_rule, one.packet):
                changed = [*(("dst", "dport") if to else ()), *(("src", "sport") if source else ())]
                values = {name: self.rewritten(one, name, part) for name in changed}
                shown = {name: value for name, value in values.items() if value is not None}
                if shown:
                    told.setdefault(tuple(shown.items()), shown)
                if len(told) > MOST_REWRITES:
                    break
        yield from told.values()

    def rewritten(self, one: Fated, name: str, part: Bool) -> str | int | None:
        """The one value that a field was given; None if it was left alone, or has several."""
        value = bits.constant(one.packet[name], part)
        if value is None or bits.constant(self.question.packet[name], part) == value:
            return None
        return show_address(value, self.question.family) if name in ("src", "dst") else value

    def explanation(self, fate: Fate, region: Bool, point: Point) -> Sequence[str]:
        if fate.decider is None:
            return ()
        packet = self.question.packet
        unsure = {n for n in _MEANT if bits.constant(packet[n], region) is None}
        known = {n: c for n in point.fields if (c := bits.constant(packet[n], region)) is not None}
        hits = path(self.words.program, self.words.entry, packet, point)
        return self.words.names.decision(*fate.decider, packet.but(known), hits, unsure)

    def likely(self, region: Bool) -> Point:
        """Some packet of a region, one that people meet if there is one."""
        packet = self.question.packet
        for name, value in _LIKELY:
            if name in self.unknowns.fields:
                narrowed = bits.both(region, bits.equal_masked(packet[name], value, -1))
                region = region if narrowed is False else narrowed
        return self.unknowns.witness(region)

    def witness(self, point: Point) -> dict[str, Any]:
        """A packet as the options of `why` take it."""
        given = {key: value for key, value in self.spec.items() if value is not None}
        shown = {**given, **written(self.question.packet, point.fields, self.question.family)}
        for key in ("in", "out"):
            if _REST in shown.get(key, ""):
                shown[key] = self.some_interface(shown[key])
        if shown.keys() & {"src", "dst"}:
            shown.pop("family", None)
        return shown

    def some_interface(self, of: str) -> str:
        """A name that no dump mentions, of those that an atom stands for."""
        known = {interface_name(atom.value) for atom in self.atoms()}
        return next(name for digit in "0123456789x" if (name := of.replace(_REST, digit) or digit) not in known)

    def names(self, found: Sequence[Row], rewrites: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """What single addresses and interfaces are called, as far as somebody knows."""
        texts = {
            (key, word.strip())
            for row in (*found, *rewrites)
            for key in _NAMED
            if key in row
            for word in str(row[key]).split(",")
        }
        said = {}
        for key, text in sorted(texts)[:MOST_ROWS]:
            if (says := self.name(key, text)) is not None:
                said[text] = says
        return said

    def name(self, key: str, text: str) -> str | None:
        if key in ("in", "out"):
            return self.words.names.interface(text)
        try:
            value = address(text)
        except ValueError:
            return None
        return self.words.names.address(value, self.question.family)
