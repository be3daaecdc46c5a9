"""A rule in the making: where it will stand, which packet it is written for, how to say things about that packet."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tests.oracle.dump import CHAINS_OF, HOOKS
from tests.oracle.topology import LOOPBACK, Site
from tests.oracle.wire import Packet

T = TypeVar("T")
PORTS = (0, 1, 22, 53, 80, 179, 443, 1024, 2379, 4789, 6443, 8080, 10250, 30080, 31234, 32767, 51820, 65535)
MARKS = (0x1, 0x2, 0x80, 0x4000, 0x8000, 0x10000, 0x20000, 0xF0000, 0x80000000)
MASKS = (0xFFFFFFFF, 0x1, 0x3, 0x80, 0x4000, 0xC000, 0x30000, 0xFFFF0000, 0x0)
ARRIVING = frozenset({"PREROUTING", "INPUT", "FORWARD"})
LEAVING = frozenset({"FORWARD", "OUTPUT", "POSTROUTING"})
_ODD_MASKS = {
    4: ("255.255.0.255", "255.0.255.0", "0.0.0.1", "0.0.255.255", "255.255.255.253", "254.255.255.0"),
    6: ("ffff:ffff::ffff", "ffff:0:ffff::", "::1", "::ffff", "fe00::ff"),
}
_PREFIXES = {4: (8, 12, 16, 20, 24, 25, 28, 31, 32), 6: (16, 32, 48, 64, 96, 112, 120, 127, 128)}


@dataclass(slots=True)
class Draft:
    """`holds` says whether the next match should be true for the packet; `proto` is what `-p` has said so far."""

    rng: random.Random
    site: Site
    table: str
    hooks: frozenset[str]
    packet: Packet
    chain: str = ""
    holds: bool = True
    proto: int | None = None
    set_kinds: Sequence[str] = ()
    sets: dict[str, NamedSet] = field(default_factory=dict)

    @property
    def family(self) -> int:
        return self.packet.family

    @property
    def built_in(self) -> bool:
        return self.chain in HOOKS

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def pick(self, *choices: T) -> T:
        return self.rng.choice(choices)

    def option(self, flag: str, right: object, wrong: object, negatable: bool = True) -> str:
        """`flag right`, `! flag wrong` and the like: true or not as `holds` wants it."""
        negated = negatable and self.chance(0.25)
        return f"{'! ' if negated else ''}{flag} {right if self.holds != negated else wrong}"

    def negation(self) -> str:
        return "! " if self.chance(0.3) else ""

    # What is known of the packet

    @property
    def ingress(self) -> str:
        return "lo" if self.packet.local else self.packet.enters

    @property
    def egress(self) -> str:
        """A guess; where there is no route, any name will do."""
        return self.site.egress(self.packet.dst) or "nosuch0"

    @property
    def ttl(self) -> int:
        """As this chain sees it: forwarding takes one."""
        forwarded = not self.packet.local and self.hooks <= {"FORWARD", "POSTROUTING"}
        return max(self.packet.ttl - forwarded, 0)

    # Ways to say it

    def number(self, value: int, top: int = 65535) -> str:
        """The value, or a range that holds it."""
        low, high = max(0, value - self.rng.randrange(50)), min(top, value + self.rng.randrange(50))
        return str(value) if low == high or self.chance(0.5) else f"{low}:{high}"

    def other_number(self, value: int, top: int = 65535) -> str:
        low = self.pick(
            *([number for number in (1, 79, 81, 5000, 65000) if number <= top and abs(number - value) > 1] or [0])
        )
        return str(low) if self.chance(0.7) or low + 1 > top or low <= value <= low + 1 else f"{low}:{low + 1}"

    def network(self, address: str) -> str:
        """A network with the address in it, now and then with a mask that is no prefix."""
        if self.chance(0.4):
            return address
        if self.chance(0.12):
            return f"{address}/{self.pick(*_ODD_MASKS[self.family])}"
        return str(ipaddress.ip_network(f"{address}/{self.pick(*_PREFIXES[self.family])}", strict=False))

    def other_network(self, address: str) -> str:
        other = self.other_address(address)
        network = ipaddress.ip_network(f"{other}/{self.pick(*_PREFIXES[self.family][3:])}", strict=False)
        return other if ipaddress.ip_address(address) in network else str(network)

    def other_address(self, address: str) -> str:
        return self.pick(*[other for other in self.addresses() if other != address])

    def addresses(self) -> list[str]:
        site, family = self.site, self.family
        behind = [host for link in site.links for host in site.hosts(link, family)]
        return [*behind, *site.local(family), *site.services(family), *site.strange(family), LOOPBACK[family]]

    def interface(self, name: str) -> str:
        """The name, or a wildcard for it."""
        return name if self.chance(0.7) else name[: self.rng.randrange(1, min(len(name), 14) + 1)] + "+"

    def other_interface(self, name: str) -> str:
        names = [*(link.name for link in self.site.links), "lo", "cali+", "veth+", "nosuch0", "et"]
        return self.pick(
            *([other for other in names if other != name and not name.startswith(other.rstrip("+"))] or ["none"])
        )

    def bits(self, value: int, mask: int) -> str:
        return f"{value:#x}" if mask == 0xFFFFFFFF else f"{value:#x}/{mask:#x}"

    def mark(self) -> str:
        mask = self.pick(*MASKS)
        return self.bits(self.pick(0, self.pick(*MARKS) & mask), mask)


@dataclass(slots=True)
class NamedSet:
    """An ipset: `create` is its type with options."""

    name: str
    kind: str
    create: str
    entries: list[str] = field(default_factory=list)

    @property
    def dimensions(self) -> list[str]:
        return self.kind.split(":")[1].split(",")

    def text(self) -> str:
        return "".join(
            [f"create {self.name} {self.create}\n", *(f"add {self.name} {entry}\n" for entry in self.entries)]
        )


Writer = Callable[[Draft], "str | None"]


@dataclass(frozen=True, slots=True)
class Row:
    """A match or target that the generator knows: `write` gives its options, or None where they make no sense."""

    name: str
    write: Writer
    weight: float
    group: str
    families: Collection[int]
    protos: Collection[int]
    hooks: frozenset[str]
    tables: Collection[str]

    def fits(self, draft: Draft) -> bool:
        return (
            draft.family in self.families
            and draft.hooks <= self.hooks
            and draft.table in self.tables
            and (not self.protos or draft.proto in self.protos)
        )


def table_of(rows: list[Row]) -> Callable[..., Callable[[Writer], Writer]]:
    """A decorator that adds functions to `rows`; a row is called like its function, unless it says otherwise."""

    def row(
        weight: float,
        group: str = "misc",
        *,
        name: str = "",
        families: Collection[int] = (4, 6),
        protos: Collection[int] = (),
        hooks: Collection[str] = HOOKS,
        tables: Collection[str] = tuple(CHAINS_OF),
    ) -> Callable[[Writer], Writer]:
        def add(write: Writer) -> Writer:
            known_as = name or write.__name__
            rows.append(Row(known_as, write, weight, group, families, protos, frozenset(hooks), tables))
            return write

        return add

    return row
