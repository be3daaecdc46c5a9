"""All packets at once: from one symbolic walk to the fates in it, each with the packets that meet it.

A region speaks of fields, of answers that the dumps leave open, of random choices, and of numbers that the system makes
up. Here the last two are taken out: what is made up is nobody's input, and a choice leaves a fate more or less likely.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.evaluate import End
from ruleparse.fates.outcomes import Piece, by_answer
from ruleparse.packet import Packet, Unknowns
from ruleparse.program import Rule, Stop, Table

ORDER = ("dst", "dport", "proto", "src", "in", "sport")
"""Fields that nearly every rule asks about, those first that say most of where a packet goes: with the destination on
top, what NAT makes of it stays small."""

Decider = tuple[Table, Rule]


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a packet, and by which rule. `egress` is the interface's number, None for what does not leave."""

    stop: Stop
    decider: Decider | None
    egress: int | None


@dataclass(frozen=True, slots=True)
class Fated:
    """The packets of one fate: under which condition, and the packet as it was then."""

    fate: Fate
    when: Bool
    packet: Packet


def fates(ends: Sequence[End], by_handle: Callable[[int], Decider | None], within: Bool = True) -> Iterator[Fated]:
    """Every fate of the packets `within` a region, as often as there are ends with it."""
    for end in ends:
        rest = bits.both(end.when, within)
        if end.stop.verdict != "accept":
            if rest is not False:
                yield Fated(Fate(end.stop, _written(end), None), rest, end.packet)
            continue
        ways_out = ("route_out",) if end.stop.detail != "local" else ()
        for when, (decided, *out) in cases(rest, [end.packet[name] for name in ("decided", *ways_out)], end.packet):
            yield Fated(Fate(end.stop, by_handle(decided), out[0] if out else None), when, end.packet)


def _written(end: End) -> Decider | None:
    """The rule that ended a walk, if it stands in a dump."""
    if end.table is None or end.rule is None or end.rule.number is None or end.rule.span is None:
        return None
    return end.table, end.rule


def cases(region: Bool, numbers: Sequence[Number], packet: Packet) -> Iterator[tuple[Bool, list[int]]]:
    """A region by the values that some numbers have in it."""
    while region is not False:
        value = packet.unknowns.witness(region).value
        values = [value(n) for n in numbers]
        alike = bits.all_of(bits.equal_masked(n, v, -1) for n, v in zip(numbers, values, strict=True))
        yield bits.both(region, alike), values
        region = bits.without(region, alike)


def given_answers(region: Bool, unknowns: Unknowns) -> list[Piece]:
    """A region by the answers to open questions that it depends on; random choices are left in it."""
    pieces = [Piece(region)]
    for asked in unknowns.open_questions:
        pieces = [p for piece in pieces for p in by_answer(piece, *asked, [piece.region])]
    return pieces


def pieces(region: Bool, unknowns: Unknowns) -> Iterator[Piece]:
    """A region by the answers that it depends on, and by how likely the random choices make it."""
    for piece in given_answers(region, unknowns):
        for part, odds in likelihoods(bits.exists(piece.region, unknowns.open_answers), unknowns):
            yield Piece(part, piece.given, odds)


_DIGITS = 9
"""of a probability; the kernel keeps 31 bits of it"""


def likelihoods(region: Bool, unknowns: Unknowns) -> Iterator[tuple[Bool, float]]:
    """A region by how likely the random choices make it, without these."""
    if bits.depends_on_any(region, unknowns.chances):
        found = _by_odds(region, unknowns)
        yield from ((found[odds], odds) for odds in sorted(found, reverse=True))
    elif region is not False:
        yield region, 1.0


def likelihood(choices: Bool, unknowns: Unknowns) -> float:
    """How likely random choices turn out so."""
    return next(iter(_by_odds(choices, unknowns)), 0.0)


def _by_odds(region: Bool, unknowns: Unknowns) -> Mapping[float, Bool]:
    """Where a region is how likely, in parts that exclude each other; where it is impossible is none of them."""
    return _Odds(unknowns).of(region)


class _Odds:
    def __init__(self, unknowns: Unknowns) -> None:
        self.chances = unknowns.chances
        self.space = unknowns.space
        self.found: dict[Bool, Mapping[float, Bool]] = {False: {}, True: {1.0: True}}

    def of(self, f: Bool) -> Mapping[float, Bool]:
        """The parts by how likely they are."""
        if f not in self.found:
            assert not isinstance(f, bool)
            place = f.node_var()
            assert place is not None
            yes, no = map(self.of, bits.branches(f))
            chance = self.chances.get(place)
            self.found[f] = self.picked(place, yes, no) if chance is None else _mixed(chance, yes, no)
        return self.found[f]

    def picked(self, place: int, yes: Mapping[float, Bool], no: Mapping[float, Bool]) -> Mapping[float, Bool]:
        variable = self.space.at(place)
        return {odds: bits.pick(variable, yes.get(odds, False), no.get(odds, False)) for odds in {**yes, **no}}


def _mixed(chance: float, yes: Mapping[float, Bool], no: Mapping[float, Bool]) -> Mapping[float, Bool]:
    """Parts that exclude each other, by a random choice: if it is yes, and if it is no."""
    found: dict[float, Bool] = {}
    for (a, there), (b, here) in product(_with_impossible(yes), _with_impossible(no)):
        odds = round(chance * a + (1 - chance) * b, _DIGITS)
        if odds > 0 and (both := bits.both(there, here)) is not False:
            found[odds] = bits.either(found.get(odds, False), both)
    return found


def _with_impossible(parts: Mapping[float, Bool]) -> list[tuple[float, Bool]]:
    return [*parts.items(), (0.0, bits.negate(bits.any_of(parts.values())))]


@dataclass(frozen=True, slots=True)
class RulePattern:
    """Rules as people name them: `[TABLE ]CHAIN[:RULE]`, `*` standing for anything; rule 0 is the chain's policy."""

    group: str
    chain: str
    number: int | None

    @classmethod
    def of(cls, text: str) -> RulePattern:
        where, colon, number = text.rpartition(":")
        numbered = bool(colon) and number.isdecimal()
        group, _, chain = (where if numbered else text).strip().rpartition(" ")
        return cls(group or "*", chain, int(number) if numbered else None)

    def fits_chain(self, group: str, chain: str) -> bool:
        return fnmatchcase(group, self.group) and fnmatchcase(chain, self.chain)

    def fits(self, table: Table, rule: Rule) -> bool:
        """Whether it means this rule; a pattern without a number means all of a chain, its end included."""
        return self.number in (None, rule.number) and bool(table.group) and self.fits_chain(table.group, table.label)
