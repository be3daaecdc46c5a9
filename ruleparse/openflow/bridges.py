"""The bridges of a node: what was saved of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from ruleparse.openflow.flows import Flow
from ruleparse.openflow.known import DATABASE, name_ports, read_known
from ruleparse.openflow.ports import Ports, read_ports
from ruleparse.openflow.program import BridgeProgram
from ruleparse.openflow.read import FlowDump, read_flows
from ruleparse.openflow.read_groups import GroupDump, Groups, read_groups
from ruleparse.openflow.switch_database import SwitchDatabase, read_database
from ruleparse.text import Diagnostic, Source

_OLD = (
    "OpenFlow 1.0 cannot say write_actions, clear_actions and meter: a flow that has them looks as if it had not; "
    "save `ovs-ofctl -O OpenFlow15 dump-flows`"
)


@dataclass
class Bridges:
    """Texts about bridges; which is whose, only the names of their files say."""

    flows: list[FlowDump] = field(default_factory=list)
    groups: list[GroupDump] = field(default_factory=list)
    ports: list[Source] = field(default_factory=list)
    more: Mapping[str, Sequence[Source]] = field(default_factory=dict)
    """what else was saved, by kind"""
    diagnostics: list[Diagnostic] = field(default_factory=list)
    _programs: dict[str | None, BridgeProgram] = field(default_factory=dict)

    def all_diagnostics(self) -> Iterator[Diagnostic]:
        """What the reading and the lowering so far have to say."""
        yield from self.diagnostics
        for groups in self.groups:
            yield from groups.diagnostics
        for program in self._programs.values():
            yield from program.diagnostics

    def program(self, name: str | None) -> BridgeProgram | None:
        """The program of a bridge, that of the only one if it has no name; None if no flows were saved."""
        if not self.flows:
            return None
        if name not in self._programs:
            self._programs[name] = self._program(name)
        return self._programs[name]

    @property
    def names(self) -> list[str | None]:
        """The bridges, by the names of their local ports where there are flows of several; None for the only one."""
        if len(self.flows) < 2 or len(self.ports) < 2:
            return [None] if self.flows else []
        found = [Ports() for _ in self.ports]
        for source, ports in zip(self.ports, found, strict=True):
            read_ports([source], ports)
        return [ports.bridge for ports in found if ports.bridge] or [None]

    def printed(self) -> Iterator[str]:
        """Flows and groups as ovs-ofctl prints them; what cannot be read is diagnosed and left out."""
        for flows in self.flows:
            for header in flows.headers:
                yield header
            for flow in flows.all_flows():
                if isinstance(flow, Diagnostic):
                    self.diagnostics.append(flow)
                else:
                    yield from self._line(flow)
        for groups in self.groups:
            for header in groups.headers:
                yield header
            yield from (f" {group}" for group in groups.groups)

    def _line(self, flow: Flow) -> Iterator[str]:
        try:
            yield f"{'' if flow.is_appctl else ' '}{flow}"
        except ValueError as error:
            self.diagnostics.append(Diagnostic("syntax", "error", str(error), flow.span))

    def _program(self, name: str | None) -> BridgeProgram:
        flows = [d for d in self.flows if _is_about(d.source, name, [d.source for d in self.flows])]
        groups = [d for d in self.groups if _is_about(d.source, name, [d.source for d in self.groups])]
        ports = Ports()
        problems = read_ports([s for s in self.ports if _is_about(s, name, self.ports)], ports)
        known, of_known = read_known(lambda kind: self._about(kind, name))
        name_ports(ports, self._database, name)
        program = BridgeProgram(name or ports.bridge or "bridge", flows, Groups(groups), ports, known)
        program.diagnostics += problems + of_known + self._database.diagnostics
        return program

    def _about(self, kind: str, name: str | None) -> list[Source]:
        among = self.more.get(kind, ())
        return [source for source in among if _is_about(source, name, among)]

    @cached_property
    def _database(self) -> SwitchDatabase:
        return read_database(self.more.get(DATABASE, ()))


def read_bridges(
    flows: Sequence[Source],
    groups: Sequence[Source],
    ports: Sequence[Source],
    more: Mapping[str, Sequence[Source]] = MappingProxyType({}),
) -> Bridges:
    """What some texts hold; `more` are those of `known.KINDS`. Never raises: what is wrong is a diagnostic."""
    dumps = [read_flows(s) for s in flows]
    whole = [d for d in dumps if d.tables or d.cut is None]
    found = Bridges(whole, [read_groups(s) for s in groups], list(ports), more)
    found.diagnostics += [diagnostic for dump in dumps for diagnostic in dump.diagnostics]
    for old in (d for d in found.flows if d.version == "1.0"):
        found.diagnostics.append(Diagnostic("incomplete-dump", "note", f"{old.source.name}: {_OLD}"))
    return found


def _is_about(source: Source, bridge: str | None, among: Sequence[Source]) -> bool:
    """Whether a text is about a bridge: the only one is, else one whose file has the bridge's name in its own."""
    if bridge is None or len(among) == 1:
        return True
    named = [s for s in among if _names(s, bridge)]
    return source in named if named else True


def _names(source: Source, bridge: str) -> bool:
    words = re.sub(r"[^a-z0-9]+", "-", source.name.rsplit("/", 1)[-1].lower())
    return re.sub(r"[^a-z0-9]+", "-", bridge.lower()) in words
