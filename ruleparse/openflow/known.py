"""What else was saved of a bridge, besides flows, groups and the ports that ovs-ofctl lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ruleparse.openflow.addresses import Addresses, read_addresses
from ruleparse.openflow.by_line import lines
from ruleparse.openflow.meters import Meter, read_meters
from ruleparse.openflow.ports import Ports
from ruleparse.openflow.switch_database import SwitchDatabase
from ruleparse.openflow.table_names import read_table_names
from ruleparse.openflow.vlans import port_vlans
from ruleparse.text import Diagnostic, Source

METERS, ADDRESSES, TABLES, DATABASE, COUNTS = "ovs-meters", "ovs-fdb", "ovs-tables", "ovs-vsctl", "ovs-group-stats"
KINDS = (METERS, ADDRESSES, TABLES, DATABASE, COUNTS)
"""What texts of these are called."""


@dataclass(frozen=True, slots=True)
class Known:
    """`addresses` are None where nobody saved what the bridge has learned; `tables` are numbers by names."""

    meters: Mapping[int, Meter] = field(default_factory=dict)
    addresses: Addresses | None = None
    tables: Mapping[str, int] = field(default_factory=dict)

    def meter(self, number: int) -> str:
        """A meter in words."""
        return str(self.meters.get(number) or Meter(number))

    def table_name(self, number: str) -> str | None:
        """What the switch calls a table."""
        return next((name for name, n in self.tables.items() if str(n) == number), None)


def read_known(about: Callable[[str], Sequence[Source]]) -> tuple[Known, list[Diagnostic]]:
    """What the texts `about` a bridge hold, asked for by kind. Never raises."""
    meters, of_meters = read_meters(about(METERS))
    addresses, of_addresses = read_addresses(about(ADDRESSES))
    tables, of_tables = read_table_names(about(TABLES))
    problems = [*of_meters, *of_addresses, *of_tables, *_of_counts(about(COUNTS))]
    return Known(meters, addresses if about(ADDRESSES) else None, tables), problems


def _of_counts(sources: Iterable[Source]) -> list[Diagnostic]:
    """Counts of groups decide nothing: only what is wrong with them."""
    found = (line for source in sources for line, _ in lines(source, "ovs_group_stats", "counts of groups"))
    return [line for line in found if isinstance(line, Diagnostic)]


def name_ports(ports: Ports, database: SwitchDatabase, bridge: str | None) -> None:
    """Tell ports what the switch's database calls them, whose they are, and which VLANs they carry."""
    if database.ports:
        ports.vlans = {name: port_vlans(port.mode, port.tag, port.trunks) for name, port in database.ports.items()}
        ports.bonds = tuple(sorted(name for name, port in database.ports.items() if port.links > 1))
        ports.modes_known = all(port.listed for port in database.ports.values())
    for interface in database.of(bridge or ports.bridge):
        if interface.number is not None and interface.number > 0:
            ports.told.setdefault(interface.number, interface.name)
        if (owner := interface.owner) is not None:
            ports.owners[interface.name] = owner
