"""What `ovs-vsctl show` and `ovs-vsctl list` say of bridges, ports and interfaces (ovs-vswitchd.conf.db(5)).

Lists are read as people see them, and as `-f json` prints them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruleparse.openflow.by_line import lines
from ruleparse.openflow.database_json import Record, Value, is_json, records
from ruleparse.text import Diagnostic, Source


@dataclass(slots=True)
class Interface:
    """`bridge` and `number` are None where nobody said them."""

    name: str
    bridge: str | None = None
    number: int | None = None
    external_ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> str | None:
        """Whose it is, in words: `pod default/client`; None if nobody said."""
        ids = self.external_ids
        for name, namespace in _POD:
            if name in ids and namespace in ids:
                return f"pod {ids[namespace]}/{ids[name]}"
        if "iface-id" in ids and "_" in ids["iface-id"] and "iface-id-ver" in ids:
            return "pod " + ids["iface-id"].replace("_", "/", 1)  # OVN-Kubernetes
        if "vm-uuid" in ids or "vm-id" in ids:
            return f"virtual machine {ids.get('vm-uuid') or ids['vm-id']}"
        return None


_POD = (("pod-name", "pod-namespace"), ("pod_name", "pod_namespace"), ("k8s_pod_name", "k8s_pod_namespace"))


@dataclass(slots=True)
class DatabasePort:
    """What is set of a port, empty where it is not; `listed` is whether all of it was said, which `show` does not."""

    tag: str = ""
    trunks: tuple[str, ...] = ()
    mode: str = ""
    listed: bool = False
    links: int = 0
    """how many interfaces it has; of a bond several"""


@dataclass(slots=True)
class SwitchDatabase:
    """Interfaces and ports by name."""

    interfaces: dict[str, Interface] = field(default_factory=dict)
    ports: dict[str, DatabasePort] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def of(self, bridge: str | None) -> Iterator[Interface]:
        """Those of a bridge, and those of which nobody said whose they are."""
        return (i for i in self.interfaces.values() if bridge is None or i.bridge in (None, bridge))


def read_database(sources: Iterable[Source]) -> SwitchDatabase:
    """What some texts hold. Never raises."""
    found = SwitchDatabase()
    listed: list[Record] = []
    for source in sources:
        for record in records(source) if is_json(source) else _Reader(found).read(source):
            if isinstance(record, Diagnostic):
                found.diagnostics.append(record)
            else:
                listed.append(record)
    _join(found, listed)
    return found


_OTHER = re.compile(
    r" *(?!(?:_uuid|name|ofport|external_ids|interfaces|ports|datapath_type|tag|trunks|vlan_mode) *:)"
    r"[a-z][a-zA-Z_]* *:(?= |\Z)"
).match
"""A setting that says nothing of names: there are many."""


class _Reader:
    """One text, of `show` or of `list`."""

    def __init__(self, found: SwitchDatabase) -> None:
        self.found = found
        self.bridge: str | None = None
        self.port: DatabasePort | None = None
        self.record: Record = {}
        self.records: list[Record] = [self.record]
        self.last_line = 0

    def read(self, source: Source) -> list[Record]:
        end = 0
        for line, span in lines(source, "ovs_vsctl", "ovs-vsctl", _OTHER):
            if "\n\n" in source.text[end : span.start].replace("\r", ""):
                self.record = {}
                self.records.append(self.record)
            end = span.end
            if isinstance(line, Diagnostic):
                self.found.diagnostics.append(line)
            elif line.data == "thing":
                self.thing(str(line.children[0]), _atom(line.children[1]))
            elif line.data == "setting" and line.children[1] is not None:
                self.setting(str(line.children[0]), _value(line.children[1]))
        return self.records

    def setting(self, key: str, value: Value) -> None:
        self.record[key] = value
        if self.port is not None and key == "tag":
            self.port.tag = _text(self.record, key)
        elif self.port is not None and key == "trunks":
            self.port.trunks = _texts(self.record, key)

    def thing(self, kind: str, name: str) -> None:
        if kind == "Bridge":
            self.bridge = name
        elif kind == "Interface":
            interface = self.found.interfaces.setdefault(name, Interface(name))
            interface.bridge = self.bridge
            if self.port is not None:
                self.port.links += 1
        elif kind == "Port":
            self.port = self.found.ports.setdefault(name, DatabasePort())


def _join(found: SwitchDatabase, records: Iterable[Record]) -> None:
    """Interfaces of `list`; ports and bridges say whose they are, by identifiers that only these lists know."""
    records = list(records)
    names: dict[str, str] = {}
    for record in records:
        if not record.keys() & {"interfaces", "ports", "datapath_type"}:
            _interface(found, record, names)
    ports = {_text(r, "_uuid"): _texts(r, "interfaces") for r in records if "interfaces" in r}
    for record in (r for r in records if "interfaces" in r and "tag" in r):
        tag, mode = _text(record, "tag"), _text(record, "vlan_mode")
        links = len(_texts(record, "interfaces"))
        one = DatabasePort(tag, _texts(record, "trunks"), mode, "vlan_mode" in record, links)
        found.ports[_text(record, "name")] = one
    for record in records:
        for port in _texts(record, "ports"):
            for identifier in ports.get(port, ()):
                if identifier in names:
                    found.interfaces[names[identifier]].bridge = _text(record, "name")


def _interface(found: SwitchDatabase, record: Record, names: dict[str, str]) -> None:
    name, number, ids = _text(record, "name"), _text(record, "ofport"), record.get("external_ids", {})
    if not name:
        return
    names[_text(record, "_uuid")] = name
    interface = found.interfaces.setdefault(name, Interface(name))
    interface.number = int(number) if number.isdecimal() else interface.number
    interface.external_ids = ids if isinstance(ids, dict) else {}


def _text(record: Record, key: str) -> str:
    value = record.get(key, "")
    return value if isinstance(value, str) else ""


def _texts(record: Record, key: str) -> tuple[str, ...]:
    value = record.get(key, ())
    return (value,) if isinstance(value, str) else tuple(value)


def _value(tree: Any) -> Value:
    match tree.data:
        case "several":
            return tuple(_atom(a) for a in tree.children if a is not None)
        case "pairs":
            return {_atom(p.children[0]): _atom(p.children[1]) for p in tree.children if p is not None}
    return _atom(tree.children[0])


def _atom(tree: Any) -> str:
    text = str(tree.children[0])
    return text[1:-1].replace('\\"', '"').replace("\\\\", "\\") if text.startswith('"') else text
