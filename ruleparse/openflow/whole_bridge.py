"""The program of a bridge for packets that are not known: what many flows lead to is walked once for all of them.

A flow that ends in `resubmit` or `goto_table` writes down where the packet goes on. When its table is
done, the next is entered once, by all packets that any flow sends there; so it is with buckets of a group, and with
packets that come back from conntrack. Where packets may turn in circles each flow enters the next table by itself, and
what Open vSwitch gives up on is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ruleparse.bits import Bool, both, equal, equal_masked, negate
from ruleparse.codec import Codec
from ruleparse.openflow.action_set import in_order
from ruleparse.openflow.bounds import SWEEPS, fills_action_sets, stays_small
from ruleparse.openflow.calls import unless_too_much
from ruleparse.openflow.conditions import given_if
from ruleparse.openflow.fields import flow
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.group_tables import Buckets, group_table
from ruleparse.openflow.groups import Bucket
from ruleparse.openflow.headers import ETHERNET, TYPE
from ruleparse.openflow.program import MISS, BridgeProgram, Entry, one_of_several, values_seen
from ruleparse.openflow.recirculation import one_pass
from ruleparse.openflow.spread import Spread
from ruleparse.openflow.steps import Steps
from ruleparse.packet import Packet
from ruleparse.program import Action, Call, Fork, Key, Masked, Return, Rule, Set, Stop, Table, Test, World

NEXT = flow("next")
_ROUND = flow("round")
BACK = Rule((Masked(NEXT, 0, -1),), (Return(),))
"""Packets that go on nowhere."""
DONE = Rule((Masked(NEXT, 0, -1),), (Stop("accept"),))
"""The same where nobody will look at them."""
_TAIL = " and on"
"""behind the name of a table or group whose flows need not come back"""


def whole_programs(program: BridgeProgram) -> Iterator[BridgeProgram]:
    """The same bridge, for packets that are not known; the first raises LoopsBackError if packets turn in circles."""
    if stays_small(program):
        yield Merging(program)
    yield Whole(program)


class LoopsBackError(Exception):
    """Flows lead packets back again and again."""


class Whole(BridgeProgram):
    """Each table finds all flows that some packet may find."""

    def __init__(self, of: BridgeProgram) -> None:
        super().__init__(of.name, of.dumps, of.groups, of.port_list, of.known)
        self._tables = of._tables
        self.diagnostics = of.diagnostics

    def _make(self, name: str) -> Table:
        return self.lookup(name, self._entries[name]) if name in self._entries else super()._make(name)

    def lookup(self, name: str, entry: Entry) -> Table:
        def narrow(packet: Packet) -> Iterator[Rule]:
            return unless_too_much(packet, self.found(name, entry, packet))

        return Table(name, (), MISS, False, self.name, entry.table, narrow)

    def found(self, name: str, entry: Entry, packet: Packet) -> Iterator[Rule]:
        """The rules of every flow that packets may find, those first that win over others."""
        table = self.table(entry.table)
        yield from (self._with(self.rule(f, entry, name), question) for f, question in self._unread(entry.table))
        frame = equal(packet[TYPE], ETHERNET)
        for is_frame, there in ((True, frame), (False, negate(frame))):
            seen = values_seen(packet, entry, frame=is_frame)
            for choice in Spread(table, seen, packet.unknowns.fields).choices() if there is not False else ():
                test = given_if(both(there, choice.when), both(there, choice.tied), one_of_several(choice.flow))
                yield self._with(self.rule(choice.flow, entry, name), test)

    def rule(self, found: Flow, entry: Entry, name: str) -> Rule:
        return self._rule(found, entry.deeper)


def _goes_on(number: int, packet: Packet, world: World) -> Bool:
    return world.told_shortly(equal_masked(packet[NEXT], number, -1))


_GOES_ON = Key(("goes on in",), Codec("table", str), _goes_on)


class Merging(Whole):
    """Tables are entered in their order, and nothing is counted.

    A way in that is called `… and on` is one that nobody comes back from: nobody will see what the packet looks like in
    the end, unless something `writes` action sets.
    """

    def __init__(self, of: BridgeProgram) -> None:
        self._later: dict[Entry, int] = {}
        self._on: dict[tuple[int, bool], Rule] = {}
        self.tail = "" if fills_action_sets(of) else _TAIL
        super().__init__(of)
        start = self._entries[super().entry(self.first)]
        self._made["start"] = one_pass("start", self.way_through(start, self.tail), first=True)

    # Ways through

    def entry(self, table: str, port: int | None = None, *, deeper: bool = False, by_connection: bool = False) -> str:
        entry = Entry(table, port, by_connection=by_connection)
        self._entries[entry.name] = entry
        return self.way_through(entry, "")

    def way_through(self, entry: Entry, tail: str) -> str:
        """The program's name of a table and all that it leads to."""
        name = f"from {entry.name}{tail}"
        if name not in self._made:
            self._made[name] = Table(name, (), narrow=lambda _: self.in_order(entry, tail))
        return name

    def in_order(self, entry: Entry, tail: str) -> Iterator[Rule]:
        """Enters a table, then each that it leads to, and those that these lead to, in their order; as long as there
        are packets that go on."""
        done = DONE if tail else BACK
        yield Rule((), (Set(NEXT, 0), Call(entry.name + tail)))
        yield done
        yield from self.sweep(self._place(entry.table), tail, done)
        for _ in range(SWEEPS):
            yield from self.sweep(-1, tail, done)
        raise LoopsBackError

    def sweep(self, place: int, tail: str, done: Rule) -> Iterator[Rule]:
        """Enters every table behind a place that packets wait to go on in."""
        while later := [entry for entry in self._later if self._place(entry.table) > place]:
            place = min(self._place(entry.table) for entry in later)
            for entry in later:
                if self._place(entry.table) == place:
                    yield Rule((Test(_GOES_ON, self._later[entry]),), (Set(NEXT, 0), Call(entry.name + tail)))
            yield done

    def entry_pass(self, table: str) -> str:
        """Packets that come back from conntrack wait for others that come back to the same table."""
        entry = self._entries[super().entry(table)]
        whole, name = f"pass from {table}", f"wait for the pass from {table}"
        if name not in self._made:
            self._made[whole] = one_pass(whole, self.way_through(entry, self.tail), first=False)
            self._made[name] = Table(name, (Rule((), (Fork(whole, later=_ROUND), Return())),))
        return name

    def _make(self, name: str) -> Table:
        plain = name.removesuffix(_TAIL)
        if plain in self._entries:
            return self.lookup(name, self._entries[plain])
        if plain != name and plain.startswith("group "):
            return group_table(name, self.groups.get(int(plain[6:])), self, _LastBuckets)
        return super()._make(name)

    # Flows

    def rule(self, found: Flow, entry: Entry, name: str) -> Rule:
        last = name.endswith(_TAIL)
        key = id(found), last
        if key not in self._on:
            lowered = self._rule(found, False)
            actions = self.going_on((*lowered.actions[1:-1],), last)
            ends = last and not _leads_on(actions)
            self._on[key] = Rule((), (*actions, Stop("accept") if ends else Return()), lowered.number, lowered.span)
            self.flows[self._on[key]] = found
        return self._on[key]

    def going_on(self, actions: tuple[Action, ...], last: bool) -> tuple[Action, ...]:
        """Actions that write down where the packet goes on, in place of going there; `last` if nobody looks at it."""
        *before, end = actions or (Return(),)
        if not isinstance(end, Call):
            return actions
        if end.table.startswith("from ") and not end.table.endswith(_TAIL):
            entry = self._entries[end.table.removeprefix("from ")]
            return (*before, Set(NEXT, self._later.setdefault(entry, len(self._later) + 1)))
        if end.table.startswith("group ") and last:
            return (*before, Call(end.table + _TAIL))
        if end.table.startswith("made ") and (rules := self[end.table].rules) and not rules[-1].tests:
            ending = Rule((), self.going_on(rules[-1].actions, last))
            return (*before, Call(self.make(Table("", (*rules[:-1], ending)))))
        return actions


def _leads_on(actions: Sequence[Action]) -> bool:
    """Whether packets may go on anywhere behind these."""
    return any(isinstance(action, Call) or (isinstance(action, Set) and action.field == NEXT) for action in actions)


class _LastBuckets(Buckets):
    """Buckets of a group behind which nobody looks at the packet any more, so that they need no copy of it."""

    def alone(self, bucket: Bucket) -> str:
        steps = Steps(self.bridge, self.group.span, "0")
        steps.act(in_order(bucket.actions))
        assert isinstance(self.bridge, Merging)
        actions = self.bridge.going_on(steps.body(), True)
        inside = self.bridge.make(Table("", (Rule((), (*actions, Return())),)))
        return self.bridge.make(Table("", (Rule((), (Call(inside, ("exit",)),)),)))
