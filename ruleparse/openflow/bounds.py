"""How much one pass of a packet can do at most: where that is little, nobody need count (ofproto-dpif-xlate.c)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from ruleparse.openflow.action import Act
from ruleparse.openflow.calls import MOST_DEEP, MOST_TABLES
from ruleparse.openflow.groups import Group
from ruleparse.openflow.program import BridgeProgram

SWEEPS = 8
"""How often a walk goes through the tables of a bridge, when flows lead back to earlier ones."""


def stays_small(program: BridgeProgram) -> bool:
    """Whether no packet comes near what Open vSwitch allows, if none goes back more often than there are SWEEPS. Reads
    every flow."""
    costs = _Costs(program)
    begun: set[str] = set()
    while new := costs.passes - begun:
        begun |= new
        try:
            found = [costs.of(_Node(table, True)) for table in new]
        except _CircleError:
            return False
        if any(cost.entered >= MOST_TABLES or cost.deep >= MOST_DEEP for cost in found):
            return False
    return True


class _CircleError(Exception):
    """Flows that lead back to themselves, and are to come back from there."""


@dataclass(frozen=True, slots=True)
class _Node:
    """A table; `last` where nobody comes back from it and all that it leads to."""

    table: str
    last: bool


@dataclass(frozen=True, slots=True)
class _Cost:
    entered: int = 0
    deep: int = 0


@dataclass(slots=True)
class _Row:
    """What some actions lead to: at their end, or before, from where they come back."""

    ends: set[_Node] = field(default_factory=set)
    inner: list[tuple[_Node, int]] = field(default_factory=list)
    """with how many groups there are between"""
    groups: int = 0


class _Costs:
    def __init__(self, program: BridgeProgram) -> None:
        self.program = program
        self.rows: dict[_Node, list[_Row]] = {}
        self.known: dict[_Node, _Cost | None] = {}
        """None while it is worked out"""
        self.passes = {program.first}
        """where packets begin, and begin again when they come back from conntrack"""

    @cached_property
    def writes(self) -> bool:
        return fills_action_sets(self.program)

    def of(self, node: _Node) -> _Cost:
        if node in self.known:
            cost = self.known[node]
            if cost is None:
                raise _CircleError
            return cost
        self.known[node] = None
        reached = self.reached(node)
        back = any(
            not self.program.later_than(end.table, n.table) for n in reached for row in self.at(n) for end in row.ends
        )
        times = SWEEPS if back else 1
        entered = deep = groups = 0
        for n in reached:
            inner = [self.inner(row) for row in self.at(n)]
            entered += 1 + max((cost.entered for cost in inner), default=0)
            deep = max(deep, *(cost.deep for cost in inner), 0)
            groups += max((row.groups for row in self.at(n)), default=0)
        cost = self.known[node] = _Cost(entered * times, deep + (groups + 1) * times)
        return cost

    def leads_back(self, node: _Node) -> bool:
        ends = {end.table for row in self.at(node) for end in row.ends}
        return not all(self.program.later_than(table, node.table) for table in ends)

    def reached(self, node: _Node) -> set[_Node]:
        """The tables that a packet may go through from here on."""
        found, pending = {node}, [node]
        while pending:
            new = {end for row in self.at(pending.pop()) for end in row.ends} - found
            found |= new
            pending += new
        return found

    def inner(self, row: _Row) -> _Cost:
        costs = [(self.of(node), groups) for node, groups in row.inner]
        return _Cost(sum(c.entered for c, _ in costs), max((c.deep + groups + 1 for c, groups in costs), default=0))

    def at(self, node: _Node) -> list[_Row]:
        if node not in self.rows:
            self.rows[node] = list(self._read(node))
        return self.rows[node]

    def _read(self, node: _Node) -> Iterator[_Row]:
        for flow in self.program.table(node.table).every():
            if not flow.is_clause:
                row = _Row()
                try:
                    self.add(row, flow.actions, node, 0, at_end=True)
                except ValueError:
                    continue
                if row.ends or row.inner:
                    yield row

    def add(self, row: _Row, actions: Iterable[Act], node: _Node, groups: int, *, at_end: bool) -> None:
        acts = list(actions)
        for act in acts:
            self.act(row, act, node, groups, at_end=at_end and act is acts[-1])

    def act(self, row: _Row, act: Act, node: _Node, groups: int, *, at_end: bool) -> None:
        match act.kind.name:
            case "resubmit" | "goto_table":
                target = _Node(_target(act, node.table), node.last and at_end)
                if at_end:
                    row.ends.add(target)
                else:
                    row.inner.append((target, groups))
            case "group":
                self.group(row, self.program.groups.get(act.value), node, groups, at_end=at_end)
            case "clone" | "write_actions":
                self.add(row, act.value, node, groups, at_end=False)
            case "ct" if act.value.table is not None:
                self.passes.add(act.value.table.strip('"'))
            case "output" if act.value.port == "TABLE":
                raise _CircleError

    def group(self, row: _Row, group: Group | None, node: _Node, groups: int, *, at_end: bool) -> None:
        if groups >= MOST_DEEP:
            raise _CircleError
        goes_on = at_end and node.last and not self.writes and group is not None and group.type != "all"
        row.groups = max(row.groups, groups + 1)
        for bucket in group.buckets if group else ():
            self.add(row, bucket.actions, node, groups + 1, at_end=goes_on)


def fills_action_sets(program: BridgeProgram) -> bool:
    """Whether some flow or bucket may write to an action set."""
    return any("write_actions" in source.text for source in program.sources)


def _target(act: Act, table: str) -> str:
    """The table that an action leads to."""
    written = (act.value if act.kind.name == "goto_table" else act.value.table).strip('"')
    return table if written in ("", "255") else str(written)
