"""The only semantics: a packet walks tables of rules.

There is one packet at every moment. A rule that hits only under a condition changes it only under that condition
(`field = hit ? new : old`), so walks never multiply: the work is linear in the rules met. `alive` is the condition
under which the walk has not ended. All others are relative to it: they, and what they make of fields, are anybody's
guess where it does not hold, so that nothing of what ended packets elsewhere gets into them. For a packet whose every
field is known all are True or False throughout.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Hashable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, assert_never

from ruleparse import bits
from ruleparse.bits import Bool, both, either, without
from ruleparse.packet import FIELDS, Answers, Assumption, Packet, presumption, with_names
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
    Note,
    Program,
    Remember,
    Return,
    Rule,
    Set,
    Step,
    Stop,
    Table,
    Way,
)
from ruleparse.waiting import Waiting, one_more

DEPTH = 1500
"""Tables within tables that may be within themselves. A switch has 254, and goes back 64 times."""

DEEPEST = 20_000
"""Chains within chains. A kernel allows as many as there are (xt_jumpstack_alloc, net/netfilter/x_tables.c)."""

_FRAMES = 5
"""of Python, for a chain within a chain"""

STEPS = 1 << 20
"""Rules hit in one walk. Chains that each call the next twice take longer than anybody waits, in the kernel too."""


class EndlessWalkError(RecursionError):
    """A walk met more rules than are followed."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule whose tests held, in the order of the walk; `hit` is the condition, for packets that were `alive`."""

    table: Table
    rule: Rule
    hit: Bool
    alive: Bool
    packet: Packet
    """as it was when the rule looked at it"""

    @property
    def when(self) -> Bool:
        """Under which condition they held."""
        return both(self.hit, self.alive)


@dataclass(frozen=True, slots=True)
class End:
    """Where a walk ended, under which condition, and the packet as it was then."""

    when: Bool
    stop: Stop
    table: Table | None
    rule: Rule | None
    packet: Packet


@dataclass(frozen=True, slots=True)
class Walk:
    """All that one evaluation found. The conditions of `ends` exclude each other and together cover what was asked.

    `names` says what variables stand for that conditions of hits speak of; those of ends hold it already.
    """

    hits: list[Hit]
    ends: list[End]
    names: Bool = True


Memory = MutableMapping[Hashable, Any]
"""What a node remembers from packet to packet: how full a bucket is, who is in a list."""


@dataclass(frozen=True, slots=True)
class Path:
    """How to walk one path at a time: `choose` says whether a test that may or may not hold does, on this path.

    Everything is certain on a path, so what the packet changes in `memory` is, too.
    """

    choose: Callable[[], bool]
    memory: Memory


def walk(
    program: Program,
    entry: str,
    packet: Packet,
    answers: Answers | None = None,
    reach: Bool = True,
    path: Path | None = None,
    naming: bool = False,
) -> Walk:
    """Walk `packet` from table `entry` on, on all paths together or on one.

    `answers` settles questions that the dumps leave open, by their words. With `naming` a bit that has become a large
    function is a variable from then on, so that what depends on it stays small.
    """
    walker = _Walker(program, packet, {} if answers is None else answers, reach, path)
    walker.naming = naming
    with _room_to_nest():
        walker.come_to_an_end(entry)
        walker.walk_those_that_wait()
    return Walk(walker.hits, walker.ends, walker.names)


@contextmanager
def _room_to_nest() -> Iterator[None]:
    """Python's own limit is for programs that recurse by mistake; calls of Python by Python need no C stack."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 2000 + _FRAMES * DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


_LOOP = presumption("a chain within itself, which no kernel loads, drops the packet", "iptables-save")


class _Walker:
    def __init__(
        self, program: Program, packet: Packet, answers: Answers, reach: Bool = True, path: Path | None = None
    ) -> None:
        self.program = program
        self.path = path
        self.packet = packet
        self.answers = answers
        self.alive = reach
        """the condition under which the walk has not ended; what a field holds elsewhere is nobody's business"""
        self.within: Bool = True
        """a condition that is said in few words, of those who began this walk"""
        self.hits: list[Hit] = []
        self.ends: list[End] = []
        self.catchers: list[tuple[tuple[str, ...], list[tuple[Bool, Packet]]]] = []
        self.waiting: deque[Waiting] = deque()
        self.depth = 0
        self.inside: set[str] = set()
        """tables that the walk is in and may not enter again"""
        self.way = Way(0)
        self.entered: dict[tuple[Way, str, str], int] = {}
        """how often a table was entered on a way by rules of the same words"""
        self.recalled: dict[Hashable, Any] = {}
        self.naming = False
        self.names: Bool = True
        """that variables which stand for functions are the same as these"""

    # What tests may ask (program.World)

    def ask(self, question: Assumption, about: bits.Number | None = None) -> Bool:
        key = (self.packet.unknowns.wording(question), about)
        if key in self.answers:
            return bool(self.answers[key])
        return self.packet.unknowns.ask(question, about)

    def told_shortly(self, condition: Bool) -> Bool:
        yes, no = both(self.alive, condition), without(self.alive, condition)
        return self.packet.unknowns.told_apart(yes, no) if yes is not False and no is not False else no is False

    @property
    def memory(self) -> Memory | None:
        return None if self.path is None else self.path.memory

    def recall(self, key: Hashable, step: Step, by: Hashable) -> Any:
        if self.path is None:
            return None
        once = (by, key, self.way)
        if once not in self.recalled:
            memory = self.path.memory
            self.recalled[once], memory[key] = step(memory.get(key))
        return self.recalled[once]

    def probe(self, table: str, packet: Packet) -> Packet:
        inner = _Walker(self.program, packet, self.answers)
        inner.way = self.way
        inner.enter(table, True)
        return inner.packet

    # The walk

    def come_to_an_end(self, name: str) -> None:
        """Walk a table that nobody comes back from."""
        self.enter(name, True)
        if self.alive is not False:
            self.ends.append(End(both(self.alive, self.names), Stop("accept"), None, None, self.packet))

    def enter(self, name: str, reach: Bool) -> None:
        """Walk a table under the condition `reach`; those who are alive then have come back."""
        table = self.program[name]
        if self.depth > DEPTH:
            self.end(Stop("drop", "too many tables within tables"), reach, table, None)
        elif name in self.inside:
            self.loop(table, reach)
        elif table.within_itself:
            self.depth += 1
            self.rules(table, reach)
            self.depth -= 1
        elif len(self.inside) == DEEPEST:
            raise EndlessWalkError(f"more than {DEEPEST} tables within tables, at last {table.name}")
        else:
            self.inside.add(name)
            self.rules(table, reach)
            self.inside.discard(name)

    def loop(self, table: Table, reach: Bool) -> None:
        self.hits.append(Hit(table, Rule((), (Note(_LOOP.question, _LOOP),)), reach, self.alive, self.packet))
        self.end(Stop("drop", f"chain {table.label} is entered within itself"), reach, table, None)

    def rules(self, table: Table, reach: Bool) -> None:
        left, here = reach, both(reach, self.alive)
        for rule in table.rules_for(self.packet):
            hit = self.hit(rule, left, here)
            if hit is False:
                continue
            if not self.perform(table, rule, hit):
                left = without(left, hit)
            here = both(left, self.alive)
            if here is False:
                break
        if table.base:
            left, here = reach, both(reach, self.alive)
        if here is not False:
            self.perform(table, table.default, True if here == self.alive else left)

    def hit(self, rule: Rule, left: Bool, here: Bool) -> Bool:
        """Where a rule's tests hold, of what is `left`: that is `here`, of those who are alive."""
        for test in rule.tests:
            held = test.holds(self.packet, self)
            if self.path is not None:
                held = self.one_way(self.path, held)
            here = both(here, held)
            if here is False:
                return False
            left = both(left, held)
        return True if here == self.alive else left

    def one_way(self, path: Path, held: Bool) -> bool:
        """On a single path a test holds or it does not; from here on only packets of that kind are walked."""
        some, others = both(self.alive, held), without(self.alive, held)
        if some is False or others is False:
            return others is False
        holds = path.choose()
        self.alive = some if holds else others
        return holds

    def perform(self, table: Table, rule: Rule, hit: Bool) -> bool:
        """Do a rule's actions; whether those who are alive then go on with the next rule."""
        if len(self.hits) == STEPS:
            raise EndlessWalkError(f"the packet hits more than {STEPS} rules, at last in {table.name}")
        self.hits.append(Hit(table, rule, hit, self.alive, self.packet))
        if rule.actions and isinstance(rule.actions[-1], Stop):
            self.conclude(table, rule, hit)
            return True
        return self.act(table, rule, hit)

    def conclude(self, table: Table, rule: Rule, hit: Bool) -> None:
        """Do the actions of a rule that nothing comes back from: nobody else sees what it writes."""
        packet, alive, within = self.packet, self.alive, self.within
        self.alive, self.within = both(alive, hit), both(within, hit)
        self.act(table, rule, True)
        self.packet, self.alive, self.within = packet, without(alive, hit), within

    def act(self, table: Table, rule: Rule, hit: Bool) -> bool:
        for action in rule.actions:
            if isinstance(action, Return):
                return False
            if isinstance(action, Stop):
                self.end(action, hit, table, rule)
                break
            if isinstance(action, Goto):
                self.enter_by(rule, action.table, hit)
                return False
            if not isinstance(action, Call):
                self.change(action, hit)
            elif not self.call(rule, action, hit):
                break
        return True

    def enter_by(self, rule: Rule, name: str, reach: Bool) -> None:
        alike = self.packet.unknowns.called_alike
        place = (self.way, alike(name), alike(rule.words))
        nth = self.entered[place] = self.entered.get(place, 0) + 1
        outer, self.way = self.way, Way(hash((place, nth)))
        self.enter(name, reach)
        self.way = outer

    def call(self, rule: Rule, action: Call, hit: Bool) -> bool:
        """Walk a table and come back; whether anybody does."""
        before = self.packet
        caught: list[tuple[Bool, Packet]] = []
        self.catchers.append((action.catches, caught))
        self.enter_by(rule, action.table, hit)
        self.catchers.pop()
        if caught:
            together = bits.union([when for when, _ in caught])
            self.alive = either(self.alive, together)
            self.merge(caught, together)
            if self.naming:
                self.packet, same = with_names(self.packet, before)
                self.names = both(self.names, same)
        return both(hit, self.alive) is not False

    def merge(self, caught: Sequence[tuple[Bool, Packet]], together: Bool) -> None:
        """Go on with each of these packets where its condition holds, with the present one elsewhere."""
        now, elsewhere = self.packet, together is not True and together != self.alive
        packets = [packet for _, packet in caught]
        names = dict.fromkeys(name for packet in (now, *packets) for name in packet.values)
        differ = [n for n in names if any(p.values.get(n) is not now.values.get(n) for p in packets)]
        self.packet = now.but({
            name: bits.one_of([(when, packet[name]) for when, packet in caught], now[name] if elsewhere else None)
            for name in differ
        })  # fmt: skip

    def end(self, stop: Stop, hit: Bool, table: Table, rule: Rule | None) -> None:
        when, self.alive = both(hit, self.alive), without(self.alive, hit)
        for catches, caught in reversed(self.catchers):
            if stop.verdict in catches:
                caught.append((when, self.packet))
                return
        self.ends.append(End(both(when, self.names), stop, table, rule, self.packet))

    def change(self, action: Action, hit: Bool) -> None:
        packet = self.packet
        match action:
            case Set(field, value, mask):
                new = value if mask == -1 else bits.rewrite(packet[field], value, mask)
                self.write(field, new, hit)
            case Assign(field, number):
                self.write(field, number, hit)
            case Copy(target, source, mask, source_mask, left):
                moved = bits.shift(bits.masked(packet[source], source_mask), left, FIELDS[target].width)
                old = 0 if mask == -1 else bits.rewrite(packet[target], 0, mask)
                self.write(target, bits.mix(old, moved), hit)
            case Add(field, amount, low, high):
                self.write(field, clamped_sum(packet[field], amount, low, high, FIELDS[field].width), hit)
            case Havoc(field, low, high, question, about, of_all):
                number, fits = self.unsettled(field, low, high, question, packet[about] if about else None)
                self.write(field, number, of_all or hit)
                self.alive = without(self.alive, without(hit, fits))
            case Note():
                pass
            case Remember(change):
                if self.path is not None:
                    change(packet, self.path.memory)
            case Fork(table, _, later) if later is not None:
                self.put_off(table, later, hit)
            case Fork(table, keeps):
                self.fork(table, keeps, hit)
            case Emit(port):
                self.ends.append(End(both(hit, self.alive), Stop("output", port), None, None, packet))
            case Call() | Goto() | Return() | Stop():
                raise AssertionError("handled by perform")
            case _:
                assert_never(action)

    def write(self, field: str, new: bits.Number, hit: Bool) -> None:
        self.packet = self.packet.but({field: new if hit is True else bits.select(hit, new, self.packet[field])})

    def unsettled(
        self, field: str, low: int, high: int, question: Assumption, about: bits.Number | None
    ) -> tuple[bits.Number, Bool]:
        words = self.packet.unknowns.wording_of_number(field, question, low, high)
        if (words, about) in self.answers:
            return self.answers[words, about], True
        fixed = (1 << (low ^ high).bit_length()) - 1
        number = bits.rewrite(bits.number(self.packet.unknowns.number(words, field, about)), low, ~fixed)
        return number, bits.between(number, low, high)

    def fork(self, table: str, keeps: tuple[str, ...], hit: Bool) -> None:
        before, catchers, alive, within = self.packet, self.catchers, self.alive, self.within
        self.catchers, self.alive, self.within = [], both(alive, hit), both(within, hit)
        self.enter(table, True)
        after = self.packet
        self.packet, self.catchers, self.alive, self.within = before, catchers, alive, within
        for field in keeps:
            self.write(field, after[field], hit)

    def put_off(self, table: str, later: str, hit: Bool) -> None:
        """A copy waits; together with one that does already, where no packet has both, or one between them."""
        copy = Waiting(table, later, both(hit, self.alive), both(hit, self.within), self.packet)
        for at in reversed(range(len(self.waiting))) if table in {other.table for other in self.waiting} else ():
            other = self.waiting[at]
            if both(copy.when, other.when) is not False:
                break
            if (other.table, other.counter) == (table, later):
                self.waiting[at] = copy.with_others(other)
                return
        self.waiting.append(copy)

    def walk_those_that_wait(self) -> None:
        """Walk the copies that were put off, in their order; each is told how many there were with it.

        On a single path, where what is remembered counts, a copy's own copies come before those behind it.
        """
        begun: dict[str, list[Bool]] = {}
        while self.waiting:
            copy = self.waiting.popleft()
            nth = one_more(begun.setdefault(copy.counter, []), copy.when)
            self.packet, self.catchers = copy.packet.but({copy.counter: nth}), []
            self.alive, self.within = copy.when, copy.hit
            behind = deque[Waiting]()
            if self.path is not None:
                behind, self.waiting = self.waiting, behind
            self.come_to_an_end(copy.table)
            self.waiting += behind


def clamped_sum(n: bits.Number, amount: int, low: int, high: int, size: int) -> bits.Number:
    moved = bits.select(bits.at_least(n, low - amount), bits.add(n, amount, size), low)
    return bits.select(bits.at_least(n, high - amount + 1), high, moved)
