"""The flows of one bridge as lint rules look at them: their packets, what leads where, what was saved beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from ruleparse.cni.antrea_tables import AntreaTables
from ruleparse.cni.flow_names import FLOW_DECODERS
from ruleparse.cni.saved_flows import SavedBridge
from ruleparse.lint.cubes import Cube, Layout
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.groups import Group
from ruleparse.openflow.known import METERS
from ruleparse.openflow.meters import Meter, read_meters
from ruleparse.openflow.ports import Ports, read_ports
from ruleparse.openflow.read import FlowDump
from ruleparse.openflow.runs import Run
from ruleparse.openflow.syntax import Element, Elements, words
from ruleparse.snapshot import Snapshot
from ruleparse.text import Span

WRITTEN = frozenset(
    {"metadata", "pkt_mark", "ct_state", "ct_zone", "ct_mark", "ct_label", "conj_id", "recirc_id", "dp_hash"}
    | {"tun_id", "tun_src", "tun_dst", "actset_output", *(f"reg{n}" for n in range(16))}
)
"""Fields that flows of earlier tables write."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A flow, and the packets that it matches."""

    flow: Flow
    cube: Cube
    priority: int

    @property
    def span(self) -> Span:
        """The line without what indents it."""
        span = self.flow.span
        return Span(span.source, span.start + len(span.text) - len(span.text.lstrip()), span.end)

    @property
    def does(self) -> str:
        """What it does, as it is written."""
        text = self.flow.span.text
        return text[text.index("actions=") + len("actions=") :].strip()

    @property
    def passes(self) -> bool:
        """Whether it goes away by itself."""
        return any((self.flow.count(name) or "0") != "0" for name in ("idle_timeout", "hard_timeout"))


@dataclass
class Flows:
    """What was saved of one bridge, and the node it was saved on. `groups` and `meters` are None where nobody saved
    them."""

    snapshot: Snapshot
    dump: FlowDump
    ports: Ports
    groups: Mapping[int, Group] | None
    meters: Mapping[int, Meter] | None = None
    layout: Layout = field(default_factory=Layout)
    unread: set[str] = field(default_factory=set)
    """tables of which some flow could not be read"""
    _tables: dict[str, list[Placed]] = field(default_factory=dict)
    _ordinary: dict[str, list[Placed]] = field(default_factory=dict)

    @cached_property
    def saved(self) -> SavedBridge:
        named = {number: port.name for number, port in self.ports.saved.items()}
        return SavedBridge([self.dump], self.groups or {}, named)

    @cached_property
    def writer(self) -> str | None:
        """Who wrote the flows, by the name of the decoder that knows them."""
        return next((decoder.name for decoder in FLOW_DECODERS if decoder(self.saved).present), None)

    @cached_property
    def antrea(self) -> AntreaTables:
        """Which of Antrea's tables is which; none if this is not Antrea's bridge."""
        return AntreaTables(self.saved)

    @property
    def tables(self) -> Iterable[str]:
        return self.dump.tables

    def table(self, name: str) -> list[Placed]:
        """The flows of a table that could be read, those of the highest priority first."""
        if name not in self._tables:
            self._tables[name] = sorted(self._read(name), key=lambda placed: -placed.priority)
        return self._tables[name]

    def _read(self, name: str) -> Iterator[Placed]:
        for run in self.dump.runs(name):
            for flow in run if isinstance(run, Run) else (run,):
                placed = self._placed(flow) if isinstance(flow, Flow) else None
                if placed is None:
                    self.unread.add(name)
                else:
                    yield placed

    def _placed(self, flow: Flow) -> Placed | None:
        """None for what makes no sense."""
        with suppress(ValueError):
            cube = self.layout.cube(flow.tests(self.ports.number))
            return None if cube is None else Placed(flow, cube, flow.priority)
        return None

    def ordinary(self, table: str) -> list[Placed]:
        """The flows of a table that are no clauses of conjunctions."""
        if table not in self._ordinary:
            self._ordinary[table] = [placed for placed in self.table(table) if not placed.flow.is_clause]
        return self._ordinary[table]

    @cached_property
    def impossible(self) -> list[Cube]:
        return list(self.layout.impossible())

    @cached_property
    def start(self) -> str | None:
        """The table where packets begin; None if it was not saved."""
        named = not any(table.isdecimal() for table in self.tables)
        return next(iter(self.tables), None) if named else "0" if "0" in self.tables else None

    @cached_property
    def whole(self) -> bool:
        """Whether what is not there was not there when it was saved: nothing says that the dump was cut short."""
        return self.start is not None and self.dump.cut is None and not self.dump.diagnostics

    def calls(self, table: str) -> Iterator[tuple[Placed, Element, str]]:
        """What in the flows of a table leads to some table: flow, action, table."""
        for placed in self.table(table):
            with suppress(ValueError):
                for element in inside(placed.flow.syntax.actions):
                    target = entered(element, table)
                    if target is not None:
                        yield placed, element, target

    @cached_property
    def learned(self) -> set[str]:
        """Tables that flows learn into, so that what is in them comes and goes."""
        every = (placed for table in self.tables for placed in self.table(table))
        elements = (e for placed in every if "learn" in placed.does for e in inside(placed.flow.syntax.actions))
        given = (_argument(element, "table") or "1" for element in elements if element.word == "learn")
        return set(given)

    @cached_property
    def reached(self) -> set[str]:
        """Tables that packets get to from where they begin."""
        if self.start is None:
            return set(self.tables)
        by_group = {target for group in (self.groups or {}).values() for target in tables_of_group(group)}
        seen, pending = {self.start, *by_group}, [self.start, *by_group]
        while pending:
            for _, _, target in self.calls(pending.pop()):
                if target not in seen:
                    seen.add(target)
                    pending.append(target)
        return seen


def bridges(snapshot: Snapshot) -> Iterator[Flows]:
    """Every saved bridge; each text of flows is taken for one, groups and meters for those of all."""
    found = snapshot.bridges
    if found is None:
        return
    groups = {group.id: group for saved in found.groups for group in saved.groups} if found.groups else None
    meters = read_meters(found.more[METERS])[0] if found.more.get(METERS) else None
    for dump in found.flows:
        ports = Ports()
        if len(found.flows) == 1:
            read_ports(found.ports, ports)
        yield Flows(snapshot, dump, ports, groups, meters)


def inside(elements: Elements) -> Iterator[Element]:
    """Some actions and those within them."""
    for element in words(elements):
        yield element
        yield from inside(element.inside)


def entered(element: Element, table: str) -> str | None:
    """The table that an action of a flow of `table` looks the packet up in."""
    match element.word:
        case "goto_table":
            return element.text.strip('"')
        case "ct":
            return _argument(element, "table")
        case "resubmit":
            parts = [str(part or "") for part in element.inside]
            target = parts[1].strip('"') if len(parts) > 1 else ""
            return table if target in ("", "255") else target
    return None


def _argument(element: Element, name: str) -> str | None:
    return next((part.text.strip('"') for part in words(element.inside) if part.word == name), None)


def tables_of_group(group: Group) -> Iterator[str]:
    """Tables that the buckets of a group look packets up in."""
    for act in (act for bucket in group.buckets for act in bucket.actions):
        if act.kind.name in ("resubmit", "ct") and act.value.table is not None:
            yield str(act.value.table).strip('"')


def action_span(placed: Placed, element: Element) -> Span:
    """The words of an action in its line; all actions if they are written otherwise."""
    text = placed.flow.span.text
    actions = text.index("actions=")
    at = text.find(str(element), actions)
    start = placed.flow.span.start
    if at < 0:
        return Span(placed.flow.span.source, start + actions, placed.flow.span.end)
    return Span(placed.flow.span.source, start + at, start + at + len(str(element)))
