"""What the readers find: routes, policy rules, interfaces and their addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ruleparse.codec import Prefix
from ruleparse.text import Diagnostic, Source, Span

ROUTE_TYPES = {
    "unspec": 0, "unicast": 1, "local": 2, "broadcast": 3, "anycast": 4, "multicast": 5, "blackhole": 6,
    "unreachable": 7, "prohibit": 8, "throw": 9, "nat": 10, "none": 0,
}  # fmt: skip
"""RTN_… of linux/rtnetlink.h by the words of `ip route`."""

_TABLES = {"0": "unspec", "253": "default", "254": "main", "255": "local"}

_DSFIELD = {
    "default": 0, "EF": 0xB8, "lowdelay": 0x10, "throughput": 0x08, "reliability": 0x04, "mincost": 0x02,
    **{f"CS{n}": n << 5 for n in range(8)},
    **{f"AF{c}{d}": c << 5 | d << 3 for c in range(1, 5) for d in range(1, 4)},
}  # fmt: skip
"""/etc/iproute2/rt_dsfield"""


def table_name(text: str) -> str:
    """A routing table as dumps print it: the kernel's own have names, others a number or a name of the user's."""
    return _TABLES.get(text, text)


def tos(text: str) -> int:
    """A TOS or traffic class: a name, or a number in hexadecimal."""
    try:
        return _DSFIELD[text] if text in _DSFIELD else int(text, 16)
    except ValueError:
        raise ValueError(f"{text!r} is not a TOS") from None


@dataclass(frozen=True, slots=True)
class Hop:
    """One way a route goes: an interface, a gateway or both."""

    out: str | None = None
    gateway: int | None = None
    gateway_family: int | None = None
    weight: int = 1
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Route:
    """A row of a routing table. `attributes` holds what else was printed of it."""

    family: int
    type: str
    destination: Prefix
    table: str
    hops: tuple[Hop, ...]
    metric: int
    span: Span | None = None
    source: int | None = None
    source_prefix: Prefix | None = None
    tos: int = 0
    realm: int = 0
    scope: str | None = None
    proto: str | None = None
    pref: str = "medium"
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Routes:
    """Routes of one or more texts. `tables` are those printed, `complete` the families all of whose tables were."""

    routes: list[Route] = field(default_factory=list)
    tables: frozenset[tuple[int, str]] = frozenset()
    complete: frozenset[int] = frozenset()
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def some(self, family: int) -> bool:
        """Whether any routes of a family were saved."""
        return family in self.complete or any(saved == family for saved, _ in self.tables)


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A row of `ip rule`. `action` is lookup, goto, nop, unreachable, blackhole or prohibit.

    A selector that was not printed is None and holds for every packet.
    """

    priority: int
    family: int
    action: str
    span: Span | None = None
    negated: bool = False
    table: str | None = None
    goto: int | None = None
    source: Prefix | None = None
    destination: Prefix | None = None
    mark: tuple[int, int] | None = None
    iif: str | None = None
    oif: str | None = None
    uids: tuple[int, int] | None = None
    proto: int | None = None
    sports: tuple[int, int] | None = None
    dports: tuple[int, int] | None = None
    tos: int | None = None
    suppress_prefixlength: int | None = None
    suppress_ifgroup: str | None = None
    unsupported: str | None = None
    """a selector that no field of a packet answers, such as `l3mdev` or `tun_id 7`"""


@dataclass(slots=True)
class PolicyRules:
    """Policy rules of one or more texts, in order."""

    rules: list[PolicyRule] = field(default_factory=list)
    families: frozenset[int] = frozenset()
    diagnostics: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Address:
    """An address of an interface. `peer` is the other end, or the address itself where there is none."""

    family: int
    value: int
    peer: int
    length: int
    scope: str = "global"
    flags: frozenset[str] = frozenset()
    broadcast: int | None = None
    label: str | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface. `kind` and `details` are what `ip -d` says: `vxlan`, `id 1 dstport 4789 …`."""

    index: int
    name: str
    span: Span | None = None
    peer: str | None = None
    flags: frozenset[str] = frozenset()
    mtu: int | None = None
    state: str | None = None
    master: str | None = None
    group: str | None = None
    hardware: str | None = None
    mac: int | None = None
    kind: str | None = None
    details: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """its alternative names"""
    addresses: tuple[Address, ...] = ()

    @property
    def up(self) -> bool:
        return "UP" in self.flags

    @property
    def loopback(self) -> bool:
        return "LOOPBACK" in self.flags or self.name == "lo"

    def detail(self, name: str) -> str | None:
        """The word behind `name` in the details: `detail("id")` of a vxlan."""
        words = iter(self.details)
        return next((next(words, None) for word in words if word == name), None)


@dataclass(slots=True)
class Interfaces:
    """Interfaces of one or more texts, in the kernel's order. `families`: whose addresses were printed."""

    interfaces: list[Interface] = field(default_factory=list)
    families: frozenset[int] = frozenset()
    links: bool = False
    """whether every interface is there, also one without addresses"""
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def __iter__(self) -> Iterator[Interface]:
        return iter(self.interfaces)

    def named(self, name: str) -> Interface | None:
        return next((i for i in self.interfaces if i.name == name), None)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Who answers for an address on a link."""

    family: int
    address: int
    interface: str
    mac: int


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Frames to an Ethernet address go through a tunnel to another node."""

    mac: int
    interface: str
    to: str


@dataclass(slots=True)
class Neighbours:
    """What `ip neigh` and `bridge fdb` know of a node's links."""

    neighbours: list[Neighbour] = field(default_factory=list)
    forwarded: list[Forwarded] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def mac_of(self, interface: str, family: int, address: int) -> int | None:
        """The Ethernet address behind an address on a link, None if it was not saved."""
        wanted = (family, address, interface)
        return next((n.mac for n in self.neighbours if (n.family, n.address, n.interface) == wanted), None)

    def ends_of(self, interface: str, mac: int) -> list[str]:
        """The nodes to which a tunnel sends frames for an Ethernet address."""
        return list(dict.fromkeys(f.to for f in self.forwarded if (f.interface, f.mac) == (interface, mac)))


@dataclass(frozen=True, slots=True)
class Lines:
    """A reader's source and what it has to say about it."""

    source: Source
    diagnostics: list[Diagnostic]

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def error(self, message: str, start: int, end: int) -> None:
        self.diagnostics.append(Diagnostic("syntax", "error", message, self.span(start, end)))

    def warning(self, name: str, message: str, start: int, end: int) -> None:
        self.diagnostics.append(Diagnostic(name, "warning", message, self.span(start, end)))

    def incomplete(self, message: str, start: int, end: int) -> None:
        self.diagnostics.append(Diagnostic("incomplete-dump", "warning", message, self.span(start, end)))
