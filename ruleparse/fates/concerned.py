"""Which packets could meet a rule that another node does not have: no others can change fate between the two.

Two walks of a packet are the same up to the first rule, of either node, that it hits and that the other node lacks. So
it is enough to find out who hits such a rule. For that a program is thinned: of a chain there stay the rules that the
other node lacks, those that may lead to one, and those that act by themselves. Instead of a run of others there stand
rules that may or may not do anything that these could do. That lets in more packets than hit such a rule, never fewer.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.evaluate import Hit, walk
from ruleparse.packet import FIELDS, Packet, Unknowns, assumption
from ruleparse.program import (
    Action,
    Add,
    Assign,
    Call,
    Copy,
    Emit,
    Fork,
    Goto,
    Havoc,
    Places,
    Program,
    Return,
    Rule,
    Set,
    Stop,
    Table,
    ask,
)


@dataclass(frozen=True, slots=True)
class _Deed:
    """What one rule may do: the fields that it writes (None: some number), and the verdict that it may end with."""

    writes: Mapping[str, int | None]
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Does:
    """What the rules of one chain may do, and the chains that they lead to."""

    deeds: Sequence[_Deed]
    leads_to: frozenset[str]
    copies: bool
    """whether it sends copies, which nothing here could stand for"""


@dataclass(slots=True)
class Chains:
    """What the chains of a program may do; those that are `known` to be the same elsewhere are not read again."""

    program: Program
    names: Collection[str]
    read: dict[str, Does] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Does:
        found = self.read.get(name)
        if found is None:
            found = self.read[name] = self._read(self.program[name])
        return found

    def _read(self, table: Table) -> Does:
        deeds: list[_Deed] = []
        leads_to: set[str] = set()
        copies = False
        for rule in chain(table.rules, (table.default,)):
            leads_to.update(called(rule, self.names))
            copies |= any(isinstance(action, Fork | Emit) for action in rule.actions)
            deed = self._deed(rule)
            if deed.writes or deed.verdict is not None:
                deeds.append(deed)
        return Does(deeds, frozenset(leads_to), copies)

    def _deed(self, rule: Rule) -> _Deed:
        writes: dict[str, int | None] = {}
        verdict: str | None = None
        for action in rule.actions:
            match action:
                case Set(name, value, mask):
                    writes[name] = value if mask == -1 else None
                case Assign(name) | Copy(name) | Add(name) | Havoc(name):
                    writes[name] = None
                case Stop(ending):
                    verdict = ending
                case Call(name) | Goto(name) if name not in self.names:
                    writes |= dict.fromkeys(self._written_by(name))
        return _Deed(writes, verdict)

    def _written_by(self, name: str) -> set[str]:
        """The fields that a table of the kernel's own may write."""
        found: set[str] = set()
        seen, pending = set(), [name]
        while pending:
            if (name := pending.pop()) in seen:
                continue
            seen.add(name)
            table = self.program[name]
            for rule in (*table.rules, table.default):
                found.update(self._deed(replace(rule, actions=_without_calls(rule))).writes)
                pending += [a.table for a in rule.actions if isinstance(a, Call | Goto | Fork)]
        return found

    def all_from(self, start: Iterable[str]) -> set[str]:
        """Some chains and all that they lead to."""
        found: set[str] = set()
        pending = list(start)
        while pending:
            if (name := pending.pop()) not in found:
                found.add(name)
                pending += self[name].leads_to
        return found

    def leading_to(self, targets: Collection[str]) -> set[str]:
        """Some chains and all that lead to them."""
        callers: dict[str, list[str]] = {}
        for name in self.names:
            for to in self[name].leads_to:
                callers.setdefault(to, []).append(name)
        found: set[str] = set()
        pending = list(targets)
        while pending:
            if (name := pending.pop()) not in found:
                found.add(name)
                pending += callers.get(name, ())
        return found


def _without_calls(rule: Rule) -> tuple[Action, ...]:
    return tuple(a for a in rule.actions if not isinstance(a, Call | Goto | Fork))


def called(rule: Rule, names: Collection[str]) -> list[str]:
    """The chains that a rule leads to."""
    return [a.table for a in rule.actions if isinstance(a, Call | Goto) and a.table in names]


@dataclass(frozen=True, slots=True)
class _Run:
    """Rules in a row that are left out, by the chains that they may lead to and whether they may leave their own."""

    words: str
    chains: frozenset[str]
    leaves: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    """A chain that was entered, the runs that are left out of it there, and the rules in their place that end a walk.

    What is left out may do something else each time; that a walk ends there happens once.
    """

    words: str
    runs: Sequence[_Run]
    ends: list[Rule]

    def any_number(self, name: str, run: _Run | None = None) -> Havoc:
        """That a field holds some number behind a run, or where the walk ended in one of them."""
        question = assumption(f"{self.words}: {name} behind {run.words if run is not None else 'its end'}")
        return Havoc(name, 0, (1 << FIELDS[name].width) - 1, question)


class _Thinned(Mapping[str, Table]):
    """A program in which only the chains in `kept`, and what acts by itself, is walked.

    `idle` are deeds that lead nobody to where it matters.
    """

    def __init__(self, chains: Chains, kept: Collection[str], places: Places, idle: Container[int] = ()) -> None:
        self.chains = chains
        self.kept = kept
        self.places = places
        self.idle = idle
        self.entries: list[_Entry] = []
        self._rows: dict[str, Sequence[Rule | _Run]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.chains.program)

    def __len__(self) -> int:
        return len(self.chains.program)

    def __getitem__(self, name: str) -> Table:
        table = self.chains.program[name]
        if name not in self.chains.names:
            return table
        if name not in self._rows:
            self._rows[name] = list(self._thin(table))
        return self._entered(table, self._rows[name])

    def _thin(self, table: Table) -> Iterator[Rule | _Run]:
        for left_out, group in groupby(table.rules, lambda rule: self.is_left_out(table, rule)):
            run = list(group)
            if left_out:
                words = f"rules {run[0].number} to {run[-1].number}"
                found = self.chains.all_from(name for rule in run for name in called(rule, self.chains.names))
                yield _Run(words, frozenset(found), any(isinstance(a, Goto) for rule in run for a in rule.actions))
            else:
                yield from run

    def is_left_out(self, table: Table, rule: Rule) -> bool:
        leads_to = called(rule, self.chains.names)
        return bool(leads_to) and not is_among(table, rule, self.places) and not any(n in self.kept for n in leads_to)

    def _entered(self, table: Table, rows: Sequence[Rule | _Run]) -> Table:
        runs = [row for row in rows if isinstance(row, _Run)]
        entry = _Entry(f"{table.name}, entered as number {len(self.entries)}", runs, [])
        self.entries.append(entry)
        rules = [rule for row in rows for rule in (self._instead(entry, row) if isinstance(row, _Run) else (row,))]
        return replace(table, rules=rules, narrow=None)

    def _instead(self, entry: _Entry, run: _Run) -> Iterator[Rule]:
        """Rules that may do whatever these rules may do; a drop need not be done."""
        going_on: set[str] = set()
        ending: dict[str, set[str]] = {}
        deeds = (deed for name in run.chains for deed in self.chains[name].deeds if id(deed) not in self.idle)
        for deed in deeds:
            if deed.verdict not in _GONE:
                written = going_on if deed.verdict is None else ending.setdefault(deed.verdict, set())
                written.update(deed.writes.keys() - _NEVER_TESTED)
        words = f"{entry.words}: {run.words}"
        if going_on:
            yield Rule((), tuple(replace(entry.any_number(name, run), of_all=True) for name in sorted(going_on)))
        for verdict, names in sorted(ending.items()):
            end = _maybe(f"{words} {verdict} it", *map(entry.any_number, sorted(names)), Stop(verdict))
            entry.ends.append(end)
            yield end
        if run.leaves:
            yield _maybe(f"{words} leave it", Return())


_GONE = ("drop", "reject")
_NEVER_TESTED = {"decided"}


def _maybe(question: str, *actions: Action) -> Rule:
    return Rule((ask(assumption(question)),), actions)


def is_among(table: Table, rule: Rule, places: Places) -> bool:
    here = places.get(table.name)
    return here is not None and rule.span is not None and rule.span.start in here


def concerned(chains: Chains, entry: str, packet: Packet, reach: Bool, places: Places) -> Bool:
    """The packets that hit one of these rules, and maybe some more, whatever is open and by whatever chance."""
    known = packet.unknowns
    aside = known.aside()
    packet = replace(packet, unknowns=aside)
    kept = chains.leading_to({*places, *(name for name in chains.names if chains[name].copies)})
    thin = _Thinned(chains, kept, places)
    hits = walk(thin, entry, packet, None, reach).hits
    busy, idle = _sorted(thin, aside, hits)
    if idle and len(busy) <= _MOST_KEPT:
        thin = _Thinned(chains, kept | chains.leading_to(busy), places, idle)
        hits = walk(thin, entry, packet, None, reach).hits
    found = bits.any_of(hit.when for hit in hits if is_among(hit.table, hit.rule, places))
    found = aside.whatever_the_answers(aside.whatever_is_made_up(found, also_the_way_out=True))
    known.learn(aside)
    return found


_MOST_KEPT = 1_000
"""Chains that are walked as they are, because of what they do to packets."""


def _sorted(thin: _Thinned, unknowns: Unknowns, hits: Sequence[Hit]) -> tuple[set[str], set[int]]:
    """Of the chains that were left out, those whose rewrites lead to where it matters; and deeds that do not.

    A deed that ends the walk of a table leaves behind what it wrote, so what it wrote tells.
    """
    busy: set[str] = set()
    idle: dict[int, bool] = {}
    for entry in thin.entries:
        values = _Values(entry, unknowns, _mattering_behind(entry.ends, hits, thin.places))
        for name in frozenset[str]().union(*(run.chains for run in entry.runs)):
            for deed in thin.chains[name].deeds:
                known = {n: value for n, value in deed.writes.items() if value is not None and n not in _NEVER_TESTED}
                if deed.verdict is None or not known:
                    continue
                matters = values.may_hold(known)
                if matters:
                    busy.add(name)
                idle[id(deed)] = idle.get(id(deed), True) and not matters
    return busy, {deed for deed, is_idle in idle.items() if is_idle}


def _mattering_behind(ends: Sequence[Rule], hits: Sequence[Hit], places: Places) -> Bool:
    """The packets for which one of these rules ends the walk of a table, and that come to where it matters later on."""
    found: Bool = False
    ended: Bool = False
    for hit in hits:
        if hit.rule in ends:
            ended = bits.either(ended, hit.when)
        elif ended is not False and is_among(hit.table, hit.rule, places):
            found = bits.either(found, bits.both(ended, hit.when))
    return found


class _Values:
    """The values that fields have where a chain was left, in packets that matter."""

    def __init__(self, entry: _Entry, unknowns: Unknowns, packets: Bool) -> None:
        self.entry = entry
        self.unknowns = unknowns
        self.packets = packets
        self.known: dict[tuple[str, int], bool] = {}
        self.parts: dict[str, tuple[bits.Number, Bool]] = {}

    def may_hold(self, values: Mapping[str, int]) -> bool:
        return self.packets is not False and all(self.may_be(name, value) for name, value in values.items())

    def may_be(self, name: str, value: int) -> bool:
        if (name, value) not in self.known:
            number, possible = self.part(name)
            self.known[name, value] = bits.both(possible, bits.equal_masked(number, value, -1)) is not False
        return self.known[name, value]

    def part(self, name: str) -> tuple[bits.Number, Bool]:
        if name not in self.parts:
            held = self.entry.any_number(name)
            words = self.unknowns.wording_of_number(name, held.question, held.low, held.high)
            number = self.unknowns.number(words, name)
            of_it = {v.node_var() for v in number if not isinstance(v, bool)}
            others = (self.unknowns.space.at(i) for i in range(self.unknowns.space.count) if i not in of_it)
            self.parts[name] = number, bits.exists(self.packets, others)
        return self.parts[name]
