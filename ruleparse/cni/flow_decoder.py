"""What a decoder of bridges is: phrases for flows, by the tables they stand in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from ruleparse.cni.conjunctions import Conjunction
from ruleparse.cni.saved_flows import SavedBridge, SavedFlow, decimal
from ruleparse.cni.things import Balanced, Served
from ruleparse.codec import show_address, show_protocol
from ruleparse.packet import Packet

IPV4, IPV6 = 0x0800, 0x86DD
_HAVE_PORTS = {6, 17, 132}


@dataclass(frozen=True, slots=True)
class FlowCase:
    """A packet that a flow decided about, as it was by then; `flow` is None where no flow of the table took it."""

    packet: Packet
    table: str
    flow: SavedFlow | None
    path: Sequence[SavedFlow] = ()

    def known(self, field: str) -> int | None:
        """The value of a field of the flow's packet, if it is certain."""
        value = self.packet.values.get(f"flow.{field}")
        return value if type(value) is int else None

    def address(self, end: str) -> str | None:
        """`src` or `dst`."""
        family = {IPV4: 4, IPV6: 6}.get(self.known("dl_type") or 0)
        value = self.known(f"nw_{end}" if family == 4 else f"ipv6_{end}") if family else None
        return None if value is None or family is None else show_address(value, family)

    @property
    def service(self) -> str:
        """`tcp/80`, as far as it is known."""
        protocol, port = self.known("nw_proto"), self.known("tp_dst")
        if protocol is None:
            return "this packet"
        return show_protocol(protocol) + (f"/{port}" if port is not None and protocol in _HAVE_PORTS else "")

    @property
    def words(self) -> str:
        """`tcp/80 from 10.10.0.5`."""
        source = self.address("src")
        return self.service + (f" from {source}" if source else "")


FlowPhrase = Callable[[Any, SavedFlow], str | None]
Sentences = Callable[[Any, FlowCase], list[str]]


class FlowDecoder(ABC):
    """Names what one program wrote into a bridge. The docstring of each decoder is its page of the reference."""

    name: ClassVar[str]
    title: ClassVar[str]
    """the program as it is called in a list of writers"""
    phrases: ClassVar[Mapping[str, FlowPhrase]] = {}
    """what a flow of a table means"""
    decisions: ClassVar[Mapping[str, Sentences]] = {}
    """full sentences for packets that end in a table"""

    def __init__(self, saved: SavedBridge) -> None:
        self.saved = saved

    @property
    @abstractmethod
    def present(self) -> bool:
        """Whether this program wrote here."""

    def writer(self) -> str | None:
        """The program, with its versions as far as they can be told."""
        return self.title if self.present else None

    @abstractmethod
    def table(self, table: str) -> str | None:
        """What the program calls a table."""

    def flow(self, flow: SavedFlow) -> str | None:
        """A phrase for a step of the path."""
        phrase = self.phrases.get(self.table(flow.table) or "")
        return phrase(self, flow) if phrase else None

    def decision(self, case: FlowCase) -> list[str]:
        """Sentences for a packet that ends in a table."""
        sentences = self.decisions.get(self.table(case.table) or "")
        return sentences(self, case) if sentences else []

    def remarks(self) -> list[str]:
        """Sentences about the bridge as a whole."""
        return []

    # What there is

    def purpose(self, table: str) -> str | None:
        """What a table is for, where its name alone does not say it."""
        return None

    @cached_property
    def port_names(self) -> Mapping[int, str]:
        return {number: f"port {self.saved.port(number)}" for number in self.saved.ports}

    def policy(self, rule: Conjunction) -> str:
        """What a conjunction does, to which packets."""
        return rule.about(self.port_names)

    def addresses(self) -> Mapping[int, list[str]]:
        """The addresses behind each port."""
        return {}

    def isolated(self) -> Mapping[int, list[str]]:
        """The directions in which the pod behind a port gets only what a policy allows."""
        return {}

    def served(self) -> Iterable[tuple[Served, list[Balanced], int | None]]:
        """Ways to services, with their endpoints, and for how many seconds a client keeps one."""
        return ()

    def where(self, table: str) -> str:
        """`IngressDefaultRule (table 100)`."""
        name = self.table(table)
        number = f"table {table}"
        return number if name is None else name if name == table else f"{name} ({number})"


class NumberedTables(FlowDecoder):
    """A decoder of a program that numbers its tables the same way everywhere."""

    tables: ClassVar[Mapping[int, str]] = {}
    needs: ClassVar[frozenset[int]] = frozenset()
    """tables that are always there, and together on no other program's bridge"""

    @cached_property
    def present(self) -> bool:
        """Whether the tables are there that this program always has."""
        return all(str(number) in self.saved.flows for number in self.needs)

    def table(self, table: str) -> str | None:
        number = decimal(table)
        return None if number is None else self.tables.get(number)
