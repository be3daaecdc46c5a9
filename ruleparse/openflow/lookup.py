"""Which flow of a table a packet finds: tuple space search, priorities, conjunctions (lib/classifier.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from ruleparse.openflow.action import Act
from ruleparse.openflow.columns import Bits, alike
from ruleparse.openflow.fields import flow as flow_field
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.runs import Run

Values = Mapping[str, Any]
Held = Flow | tuple[Run, int]
"""A flow, or its place in a run of those that are alike."""
Clauses = tuple[tuple[int, int, int], ...]
"""What the conjunctions of a flow say: id, clause, how many clauses."""

Row = tuple[Any, ...]
"""Values, and behind them the flows that want these, by priority."""

CONJ_ID = flow_field("conj_id")
NOBODY = -1
"""Below every priority."""


class _Absent:
    """The value of a field that a packet does not have: no flow that looks at it matches, under whatever mask."""

    def __and__(self, mask: int) -> _Absent:
        return self


ABSENT = _Absent()


@dataclass(slots=True)
class Shelf:
    """Flows that look at the same bits."""

    bits: Bits
    highest: int = NOBODY
    flows: dict[int, dict[tuple[int, ...], Held]] = field(default_factory=dict)
    """by priority, then by the values of the bits: a later flow takes the place of an earlier with the same of both"""
    _rows: dict[tuple[int, ...], dict[tuple[int, ...], list[Row]]] = field(default_factory=dict)

    def rows(self, known: tuple[int, ...]) -> Mapping[tuple[int, ...], Sequence[Row]]:
        """Every row by its values at some places."""
        if known not in self._rows:
            found = self._rows[known] = {}
            for values, flows in self._by_values().items():
                found.setdefault(tuple([values[i] for i in known]), []).append((*values, flows))
        return self._rows[known]

    def _by_values(self) -> dict[tuple[int, ...], dict[int, Held]]:
        found: dict[tuple[int, ...], dict[int, Held]] = {}
        for priority, flows in self.flows.items():
            for values, held in flows.items():
                found.setdefault(values, {})[priority] = held
        return found

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.bits}


class Classifier:
    """Flows by what they match."""

    def __init__(self) -> None:
        self._shelves: dict[Bits, Shelf] = {}
        self._sorted: list[Shelf] | None = None

    def at(self, bits: Bits, priority: int) -> dict[tuple[int, ...], Held]:
        """The place of flows that look at these bits and have this priority, to put them by the values they want."""
        shelf = self._shelves.get(bits)
        if shelf is None:
            shelf = self._shelves[bits] = Shelf(bits)
            self._sorted = None
        if priority > shelf.highest:
            shelf.highest, self._sorted = priority, None
        return shelf.flows.setdefault(priority, {})

    def remove(self, bits: Bits, priority: int, values: Iterable[tuple[int, ...]]) -> None:
        """Take out what would be overwritten."""
        shelf = self._shelves.get(bits)
        if shelf is not None and (flows := shelf.flows.get(priority)):
            for wanted in values:
                flows.pop(wanted, None)

    @property
    def shelves(self) -> list[Shelf]:
        """Those with the highest priorities first."""
        if self._sorted is None:
            self._sorted = sorted(self._shelves.values(), key=lambda s: -s.highest)
        return self._sorted

    def __bool__(self) -> bool:
        return bool(self._shelves)

    def best(self, values: Values) -> tuple[int, list[Flow]]:
        """The highest priority that matches, and every flow of it that does."""
        best, found = NOBODY, []
        for shelf in self.shelves:
            if shelf.highest < best:
                break
            for priority, flow in self._on(shelf, values):
                if priority > best:
                    best, found = priority, [flow]
                elif priority == best:
                    found.append(flow)
        return best, [held_flow(held) for held in found]

    def above(self, values: Values, priority: int) -> Iterator[tuple[int, Flow]]:
        """Every matching flow of a higher priority."""
        for shelf in self.shelves:
            if shelf.highest <= priority:
                break
            yield from ((p, held_flow(held)) for p, held in self._on(shelf, values) if p > priority)

    @staticmethod
    def _on(shelf: Shelf, values: Values) -> Iterator[tuple[int, Held]]:
        key = tuple([values.get(name, 0) & mask for name, mask in shelf.bits])
        return ((priority, flows[key]) for priority, flows in shelf.flows.items() if key in flows)


def held_flow(held: Held) -> Flow:
    """The flow itself."""
    if isinstance(held, Flow):
        return held
    run, place = held
    return run[place]


@dataclass(frozen=True, slots=True)
class Found:
    """Flows of one priority that all match, so that which one is used is not defined. `conjunction` is what led here,
    0 if none; `undecided` are further conjunctions that hold at the same priority."""

    flows: tuple[Flow, ...] = ()
    conjunction: int = 0
    undecided: tuple[Found, ...] = ()


class FlowTable:
    """The flows of one table. Flows that cannot be read are told to `complain` and kept apart as `unread`."""

    def __init__(
        self, flows: Iterable[Run | Flow], port: Callable[[str], int], complain: Callable[[Flow, str], None]
    ) -> None:
        self._port = port
        self._complain = complain
        self.ordinary = Classifier()
        self.clauses = Classifier()
        self.unread: list[Flow] = []
        self.count = 0
        for found in flows:
            if isinstance(found, Run):
                self._add_all(found)
            else:
                self._add(found)

    def _add(self, flow: Flow) -> None:
        self.count += 1
        try:
            bits, values = tests_of(flow, self._port)
            self._put(flow.is_clause, bits, flow.priority, (values,), (flow,))
        except ValueError as error:
            self._complain(flow, str(error))
            self.unread.append(flow)

    def _add_all(self, run: Run) -> None:
        """Those together that look at the same bits, which is much less work."""
        by_bits = alike(run, self._port)
        if by_bits is None:
            for flow in run:
                self._add(flow)
            return
        self.count += len(run)
        for some in by_bits:
            held = zip(repeat(run), some.places)
            self._put(run.is_clause, some.bits, some.priority, some.values, held)

    def _put(
        self, clause: bool, bits: Bits, priority: int, values: Sequence[tuple[int, ...]], held: Iterable[Held]
    ) -> None:
        inside, other = (self.clauses, self.ordinary) if clause else (self.ordinary, self.clauses)
        other.remove(bits, priority, values)
        inside.at(bits, priority).update(zip(values, held, strict=True))

    def every(self) -> Iterator[Flow]:
        """All of them, but for such as others took the place of."""
        for shelf in (*self.ordinary.shelves, *self.clauses.shelves):
            yield from (held_flow(held) for flows in shelf.flows.values() for held in flows.values())

    def find(self, values: Values, learned: Classifier | None = None) -> Found:
        """What a packet finds, among these flows and those that were learned."""
        priority, flows = self._ordinary(values, learned)
        if self.clauses:
            by_priority: dict[int, list[Flow]] = {}
            for p, flow in self.clauses.above(values, priority):
                by_priority.setdefault(p, []).append(flow)
            for p in sorted(by_priority, reverse=True):
                found = [self._second(values, c, learned) for c in sorted(self._complete(by_priority[p]))]
                found = [f for f in found if f.flows]
                if found:
                    first, *others = found
                    return Found(first.flows, first.conjunction, tuple(others))
        return Found(tuple(flows))

    def _complete(self, flows: Iterable[Flow]) -> set[int]:
        """The conjunctions of which every clause is there."""
        met: dict[tuple[int, int], set[int]] = {}
        for flow in flows:
            for number, which, of in self.clauses_of(flow):
                met.setdefault((number, of), set()).add(which)
        return {number for (number, of), which in met.items() if len(which) == of}

    def clauses_of(self, flow: Flow) -> Clauses:
        """The clauses that a flow belongs to. They are read when a packet finds it, as there are many."""
        try:
            return clauses_of(flow.actions)
        except ValueError as error:
            if flow not in self.unread:
                self._complain(flow, str(error))
                self.unread.append(flow)
            return ()

    def _second(self, values: Values, conjunction: int, learned: Classifier | None) -> Found:
        return Found(tuple(self._ordinary({**values, CONJ_ID: conjunction}, learned)[1]), conjunction)

    def _ordinary(self, values: Values, learned: Classifier | None) -> tuple[int, list[Flow]]:
        """A learned flow takes the place of one with the same match and priority."""
        priority, flows = self.ordinary.best(values)
        if learned is None:
            return priority, flows
        highest, more = learned.best(values)
        if highest != priority:
            return max((priority, flows), (highest, more), key=lambda found: found[0])
        replaced = [tests_of(flow, self._port) for flow in more]
        return priority, [*more, *(flow for flow in flows if tests_of(flow, self._port) not in replaced)]


def tests_of(flow: Flow, port: Callable[[str], int]) -> tuple[Bits, tuple[int, ...]]:
    """The bits that a flow looks at, in the order of the fields' names, and their values. Raises ValueError."""
    found: dict[str, tuple[int, int]] = {}
    for test in flow.tests(port):
        if test.field in found:
            value, mask = found[test.field]
            found[test.field] = (value | test.value, mask | test.mask)
        else:
            found[test.field] = (test.value, test.mask)
    ordered = sorted(found.items())
    return tuple([(name, mask) for name, (_, mask) in ordered]), tuple([value for _, (value, _) in ordered])


def clauses_of(actions: Iterable[Act]) -> Clauses:
    """What the conjunctions among some actions say."""
    return tuple([(a.value.id, a.value.which, a.value.of) for a in actions if a.kind.name == "conjunction"])
