"""The ports of a bridge: their names and numbers, and which are up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ruleparse.grammars import grammar
from ruleparse.openflow.formats import PORT_NAMES, PORTS
from ruleparse.openflow.vlans import PortVlans
from ruleparse.text import Diagnostic, Source, Span

LOCAL = PORTS["LOCAL"]
_INVENTED = 0xFE00
"""Numbers from here down stand for ports whose name alone is known."""


@dataclass(frozen=True, slots=True)
class Port:
    """One port; `up` is whether its configuration and its link say so."""

    number: int
    name: str
    up: bool


@dataclass(slots=True)
class Ports:
    """Ports by number and name. `known` is whether somebody saved which there are."""

    saved: dict[int, Port] = field(default_factory=dict)
    known: bool = False
    fragments: str = "normal"
    told: dict[int, str] = field(default_factory=dict)
    """names that the switch's database gives; whether these are all ports it does not say"""
    vlans: dict[str, PortVlans | None] | None = None
    """by name: which VLANs ports carry, None of one that nobody can follow; None where nobody saved that"""
    bonds: tuple[str, ...] = ()
    """ports of several links"""
    modes_known: bool = False
    """whether that comes from `list port`, which says in which way they carry them, too"""
    owners: dict[str, str] = field(default_factory=dict)
    """whose ports are, by their names: `pod default/client`"""
    _invented: dict[str, int] = field(default_factory=dict)

    @property
    def bridge(self) -> str | None:
        """The bridge's own name: that of its local port."""
        return self.saved[LOCAL].name if LOCAL in self.saved else None

    def add(self, port: Port) -> None:
        self.saved[port.number] = port
        self.known = True

    def number(self, text: str) -> int:
        """The number of a port as a flow writes it; a name that nobody saved gets a number of our own."""
        name = text.strip('"')
        if name.isdecimal() and not text.startswith('"'):
            return int(name) & 0xFFFF  # OpenFlow 1.1 and later write 16 more bits for ports of its own
        if name in PORTS and not text.startswith('"'):
            return PORTS[name]
        found = next((number for number, known in self.names.items() if known == name), None)
        if found is not None:
            return found
        return self._invented.setdefault(name, _INVENTED - len(self._invented))

    @property
    def names(self) -> dict[int, str]:
        """What ports are called; what ovs-ofctl says counts."""
        return self.told | {port.number: port.name for port in self.saved.values()}

    def owner(self, number: int) -> str | None:
        """Whose a port is, None if nobody said."""
        return self.owners.get(self.names.get(number, ""))

    def name(self, number: int) -> str | None:
        """What a port is called, None if nobody said."""
        if (known := self.names.get(number)) is not None:
            return known
        invented = {n: name for name, n in self._invented.items()}
        return invented.get(number) or PORT_NAMES.get(number)

    def is_invented(self, number: int) -> bool:
        return number in self._invented.values()

    def exists(self, number: int) -> bool:
        """Whether there is such a port, as far as is known."""
        return not self.known or number in self.saved or self.is_invented(number)


def read_ports(sources: Iterable[Source], ports: Ports) -> list[Diagnostic]:
    """Add the ports that some texts of `show` or `dump-ports-desc` hold; what is wrong with the texts."""
    problems: list[Diagnostic] = []
    for source in sources:
        problems += _read(source, ports)
    return problems


def _read(source: Source, ports: Ports) -> list[Diagnostic]:
    from lark.exceptions import UnexpectedInput

    try:
        tree = grammar("ovs_ports", "dump").parse(source.text)
    except UnexpectedInput as error:
        at = max(0, min(getattr(error, "pos_in_stream", 0) or 0, len(source.text)))
        where = Span(source, at, min(at + 1, len(source.text)))
        return [Diagnostic("syntax", "error", "this is not how a list of ports goes on", where)]
    last: Port | None = None
    for line in tree.children:
        words = [str(w) for w in line.children if w is not None]  # type: ignore[union-attr]
        match line.data:  # type: ignore[union-attr]
            case "port":
                last = Port(LOCAL if words[0] == "LOCAL" else int(words[0]), words[1], True)
                ports.add(last)
            case "config" | "state" if last is not None and words and _down(words[0]):
                last = Port(last.number, last.name, False)
                ports.add(last)
            case "fragments":
                ports.fragments = words[0]
    return []


def _down(flags: str) -> bool:
    return "PORT_DOWN" in flags or "LINK_DOWN" in flags
