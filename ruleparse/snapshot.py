"""Files, folders, standard input -> one snapshot of a node: sniffed, read, wired together."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ruleparse import sniff
from ruleparse.codec import interface
from ruleparse.interface_atoms import Atom, atoms
from ruleparse.netfilter import flavours, save
from ruleparse.netfilter.differing import differing
from ruleparse.netfilter.facts import Facts
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.netfilter.quirks import Quirks
from ruleparse.netfilter.save import LEGACY_MISSING, LEGACY_RULES, Dump, Ruleset, SavedTable
from ruleparse.program import Places
from ruleparse.routing import Overlay, Routing, read_routing
from ruleparse.text import Diagnostic, Source

__all__ = ["NothingRead", "Overlay", "Snapshot", "load"]

if TYPE_CHECKING:
    from ruleparse.kubernetes.cluster import Cluster
    from ruleparse.netfilter.ipset import IpSet
    from ruleparse.netfilter.ipvs import VirtualServer
    from ruleparse.netfilter.tracking.node_memory import NodeMemory
    from ruleparse.openflow.bridges import Bridges
    from ruleparse.openflow.program import BridgeProgram


class NothingRead(Exception):
    """None of the inputs held anything that could be read."""


_SETS_CHANGED = re.compile(r" --(?:add|del)-set (\S+)").findall
_INTERFACES_NAMED = re.compile(r"(?:-[io]|--(?:in|out)-interface) (?:! )?([^\s\"]+)").findall
_TRACKS = re.compile(
    r" -m (?:conn|state|ctstate|helper|cluster|socket|ipvs)"
    r"| -j (?:[DS]NAT|MASQUERADE|REDIRECT|NETMAP|CONN|CT|NOTRACK|SYNPROXY|CLUSTERIP|TPROXY)"
).search
"""Rules that make the kernel track connections (nf_ct_netns_get in their checks)."""

_BALANCES = re.compile(r" --match-set (?:KUBE-(?:6-)?(?:CLUSTER-IP|IPVS-IPS)|kube-router-svip) ").search
"""Rules that kube-proxy and kube-router write around IPVS."""
SERVICE_DEVICES = ("kube-ipvs0", "kube-dummy-if")
"""Devices on which these two put the addresses of services."""


_COUNTED = re.compile(r"(?m)^#.*\n|^\[\d+:\d+\] |(?<=[A-Z-]) \[\d+:\d+\]$")


@dataclass
class Snapshot:
    """All that was saved of one node."""

    sources: list[tuple[Source, str]] = field(default_factory=list)
    """each text and what it is"""
    dumps: list[Dump] = field(default_factory=list)
    sets: dict[str, IpSet] | None = None
    virtual_servers: list[VirtualServer] | None = None
    routing: Routing = field(default_factory=Routing)
    bridges: Bridges | None = None
    cluster: Cluster | None = None
    """names for addresses; no walk asks for them"""
    diagnostics: list[Diagnostic] = field(default_factory=list)
    _programs: dict[tuple[int, bool], NetfilterProgram] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many characters were saved."""
        return sum(len(source.text) for source, _ in self.sources)

    @property
    def families(self) -> list[int]:
        """Families of which there are rules."""
        return sorted({r.family for d in self.dumps for r in d.rulesets})

    def interfaces(self, asked: Iterable[str] = ()) -> list[Atom]:
        """What an unknown interface may be: those saved by `ip link` or `ip addr`, else what rules and routes name.

        Names and patterns that somebody `asked` for are told apart too.
        """
        return interfaces_of([self], asked)

    @cached_property
    def interfaces_saved(self) -> list[str]:
        """The names that `ip link` or `ip addr` told."""
        return [i.name for i in self.routing.interfaces if not i.loopback]

    @cached_property
    def interfaces_named(self) -> set[str]:
        """Those that rules and routes name, and patterns in rules."""
        hops = {hop.out for route in self.routing.routes.routes for hop in route.hops if hop.out}
        return hops | {name for d in self.dumps for name in _INTERFACES_NAMED(d.source.text)}

    def rulesets(self, family: int) -> list[Ruleset]:
        """The rule sets of a family that are in force: the last of each flavour and table."""
        latest: dict[str, Ruleset] = {}
        for ruleset in self._saved(family):
            known = latest.setdefault(
                ruleset.flavour, Ruleset(family, ruleset.flavour, ruleset.source, ruleset.version, whole=False)
            )
            known.tables.update(ruleset.tables)
            known.whole |= ruleset.whole
            known.lacks += ruleset.lacks
        if len(latest) > 1:
            others = [q for q in latest["nft"].lacks if not q.question.startswith(LEGACY_RULES)]
            latest["nft"].lacks = [*others, *flavours.left_open(list(latest.values()))]
        return list(latest.values())

    def _saved(self, family: int) -> Iterator[Ruleset]:
        return (r for d in self.dumps for r in d.rulesets if r.family == family)

    def _saved_twice(self, family: int) -> Iterator[Diagnostic]:
        """Tables that were saved twice, but for texts that are the same from end to end."""
        first: dict[tuple[str, str], SavedTable] = {}
        for ruleset in self._saved(family):
            for name, table in ruleset.tables.items():
                before = first.setdefault((ruleset.flavour, name), table).span
                if before is None or table.span is None or before == table.span:
                    continue
                if before.source is table.span.source or before.source.text != table.span.source.text:
                    where = f"{before.where} and again at {table.span.where}, which is used here"
                    message = f"table {name} is saved at {where}: are they of two nodes, or of two moments?"
                    yield Diagnostic("table-twice", "error", message, table.span)

    def program(self, family: int, *, bytes_given: bool = False) -> NetfilterProgram:
        """The tables a packet of this family walks; `bytes_given` if it may be cut short or a fragment."""
        key = (family, bytes_given)
        if key not in self._programs:
            self._programs[key] = self._program(family, Quirks(bytes_given))
        return self._programs[key]

    def _program(self, family: int, quirks: Quirks) -> NetfilterProgram:
        rulesets = self.rulesets(family)
        changing = frozenset(name for d in self.dumps for name in _SETS_CHANGED(d.source.text))
        facts = Facts(
            self.sets,
            changing,
            self.routing.sysctl,
            self.routing.policy_routing(family),
            self.routing.some_routes(family),
            self.routing.knows_addresses(family),
            any(_TRACKS(text) for text in {r.source.text for r in self._saved(family)}),
            self.routing.device_groups,
            balances=self.virtual_servers is not None or self._has_ipvs,
            virtual_servers=self.virtual_servers,
        )
        program = NetfilterProgram(family, rulesets, facts, self.routing.tables(family), quirks)
        program.cluster = self.cluster
        return program

    def overlay(self, interface: str, family: int, next_hop: int | None) -> Overlay | None:
        """The tunnel that packets leaving by an interface travel in, None if it is none."""
        return self.routing.overlay(interface, family, next_hop)

    @property
    def _has_ipvs(self) -> bool:
        """Whether somebody uses IPVS: by the device that has its addresses, or by rules where no device was saved."""
        if self.routing.interfaces.links:
            return any(self.routing.interfaces.named(device) for device in SERVICE_DEVICES)
        return any(_BALANCES(d.source.text) for d in self.dumps)

    def bridge(self, name: str | None = None) -> BridgeProgram | None:
        """The program of a bridge, None if no flows were saved."""
        program = None if self.bridges is None else self.bridges.program(name)
        if program is not None:
            program.cluster = self.cluster
        return program

    @property
    def bridge_names(self) -> list[str | None]:
        """The bridges of which there are flows, as `bridge` takes them: None for the only one."""
        return [] if self.bridges is None else self.bridges.names

    @cached_property
    def normal_texts(self) -> list[tuple[str, str]]:
        """All that was saved, without file names, comment lines and counters: equal where nothing else differs."""
        return sorted((kind, _COUNTED.sub("", source.text)) for source, kind in self.sources)

    def fresh_memory(self) -> NodeMemory:
        """What a node remembers right after its rules were loaded: nothing."""
        from ruleparse.netfilter.tracking.node_memory import NodeMemory

        return NodeMemory.fresh(self.routing.sysctl)

    def all_diagnostics(self) -> list[Diagnostic]:
        """What the readers and the lowering so far have to say, each once."""
        lowered = (d for p in self._programs.values() for d in p.diagnostics)
        twice = (d for family in {family for family, _ in self._programs} for d in self._saved_twice(family))
        together = (flavours.both_in_force(self.rulesets(family)) for family in self.families)
        told = (d for d in self.diagnostics if d.name != LEGACY_MISSING or not self._has_legacy(d))
        bridges = () if self.bridges is None else self.bridges.all_diagnostics()
        seen: dict[tuple[str, object, str], Diagnostic] = {}
        for d in (*filter(None, together), *told, *bridges, *twice, *self.routing.notes, *lowered):
            seen.setdefault((d.name, d.span and (d.span.source.name, d.span.start), d.message), d)
        return list(seen.values())

    def _has_legacy(self, missing: Diagnostic) -> bool:
        """Whether the legacy rules that one text misses stand in another."""
        here = {r.family for d in self.dumps for r in d.rulesets if missing.span and d.source is missing.span.source}
        return all(any(r.flavour == "legacy" for r in self._saved(family)) for family in here)


def interfaces_of(snapshots: Sequence[Snapshot], asked: Iterable[str] = ()) -> list[Atom]:
    """What an unknown interface may be on nodes that are looked at together."""
    asked = set(asked)
    if all(s.interfaces_saved for s in snapshots):
        saved = list(dict.fromkeys(name for s in snapshots for name in s.interfaces_saved))
        more = sorted({name for name in asked if not name.endswith("+")} - set(saved))
        return [Atom(interface(name), name) for name in (*saved, *more)]
    named = set().union(*(s.interfaces_named | set(s.interfaces_saved) for s in snapshots))
    return atoms(named - {"lo"} | asked)


def differing_rules(nodes: Sequence[Snapshot], programs: Sequence[NetfilterProgram]) -> tuple[Places, Places] | None:
    """The rules of each of two nodes that the other has not; None where more than rules and sets differs."""
    one, other = ([text for text in s.normal_texts if text[0] not in _COMPARED] for s in nodes)
    return differing(*programs) if one == other else None


_COMPARED = frozenset({sniff.IPTABLES, "ipset-save", "ipset-list"})
"""Kinds of texts that are compared rule by rule and set by set."""


def load(paths: Iterable[str | Path]) -> Snapshot:
    """Read files, folders and `-` as one node. Raises OSError for a path that cannot be read, NothingRead."""
    snapshot = Snapshot()
    texts: dict[str, list[Source]] = {}
    for source in _sources(paths):
        kind = sniff.kind_of(source.text)
        snapshot.sources.append((source, kind))
        texts.setdefault(kind, []).append(source)
    for source in texts.pop(sniff.IPTABLES, []):
        dump = save.read(source, family_hint=sniff.family_hint(source.name))
        snapshot.dumps.append(dump)
        snapshot.diagnostics += dump.diagnostics
    for source in texts.pop(sniff.UNKNOWN, []):
        if source.text.strip():
            message = f"{source.name}: this is none of the dumps that are known; it is left out"
            snapshot.diagnostics.append(Diagnostic("unknown-file", "warning", message))
    for kind, why in sniff.LEFT_OUT.items():
        for source in texts.pop(kind, []):
            snapshot.diagnostics.append(Diagnostic("unknown-file", "warning", f"{source.name}: {why}; it is left out"))
    if objects := texts.pop(sniff.KUBERNETES, []):
        from ruleparse.kubernetes.read import read as read_objects

        snapshot.cluster, problems = read_objects(objects)
        snapshot.diagnostics += problems
    if sets := texts.pop("ipset-save", []) + texts.pop("ipset-list", []):
        from ruleparse.netfilter.ipset import read_sets

        snapshot.sets, problems = read_sets(sets)
        snapshot.diagnostics += problems
    if balanced := texts.pop("ipvsadm", []):
        from ruleparse.netfilter import ipvs

        found = ipvs.read(balanced)
        snapshot.virtual_servers = found.servers
        snapshot.diagnostics += found.diagnostics
    if any(kind.startswith("ovs-") for kind in texts):
        from ruleparse.openflow.bridges import read_bridges

        flows, groups, ports = (texts.pop(kind, []) for kind in ("ovs-flows", "ovs-groups", "ovs-ports"))
        more = {kind: texts.pop(kind) for kind in list(texts) if kind.startswith("ovs-")}
        snapshot.bridges = read_bridges(flows, groups, ports, more)
    snapshot.routing = read_routing(texts, sniff.family_hint)
    snapshot.diagnostics += snapshot.routing.diagnostics
    if not snapshot.dumps and (snapshot.bridges is None or not snapshot.bridges.flows):
        told = () if snapshot.bridges is None else (d.message for d in snapshot.bridges.diagnostics)
        why = next(iter(told), "save `iptables-save` and give its file")
        raise NothingRead(f"no rules in {', '.join(str(p) for p in paths)}: {why}")
    return snapshot


def _sources(paths: Iterable[str | Path]) -> Iterator[Source]:
    for path in paths:
        if str(path) == "-":
            yield Source.from_file("<stdin>", sys.stdin.buffer)
        elif Path(path).is_dir():
            yield from (Source.from_path(p) for p in sorted(Path(path).rglob("*")) if p.is_file() and p.suffix != ".md")
        else:
            yield Source.from_path(Path(path))
