"""What fffuu (Cornelius Diekmann et al., https://github.com/diekmann/Iptables_Semantics) published of public firewalls:
partitions of the IPv4 space and who reaches whom. Read from a checkout beside this one, none of it is copied here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.codec import address, interface, prefix
from ruleparse.packet import Packet

GOLDEN = "haskell_tool/test/Suites/GoldenFiles"
EXAMPLES = "thy/Iptables_Semantics/Examples"

Range = tuple[int, int]
_RANGE = re.compile(r"\{?(\d[\d.]*)(?: \.\. (\d[\d.]*)\})?")
_CLASS = re.compile(r"^(\w+) \|-> (.+)$", re.M)
_PAIR = re.compile(r"^\((\w+),(\w+)\)$", re.M)
_TERM = re.compile(r"\(''([\d.]+)'',\s*((?:''[^']*''[@\s]*)+)\)")


@dataclass(frozen=True, slots=True)
class Published:
    """Classes of addresses, and the pairs of them between which connections may be made."""

    classes: Mapping[str, list[Range]]
    pairs: frozenset[tuple[str, str]]

    def reaches(self, packet: Packet) -> Bool:
        """The same as a region of packets."""
        among = {
            end: {name: _one_of(packet[end], ranges) for name, ranges in self.classes.items()} for end in ("src", "dst")
        }
        return bits.any_of(bits.both(among["src"][a], among["dst"][b]) for a, b in self.pairs)


def golden(text: str, sport: int, dport: int) -> Published:
    """One matrix of what `fffuu` printed."""
    _, _, rest = text.partition(f"=========== TCP port {sport}->{dport} =========\n")
    shown = rest.partition("===========")[0]
    return Published(
        {m[1]: _ranges(m[2]) for m in _CLASS.finditer(shown)}, frozenset((m[1], m[2]) for m in _PAIR.finditer(shown))
    )


def lemma(text: str, service: str) -> Published:
    """A matrix that a theory states: `access_matrix_pretty_ipv4 parts_connection_ssh … = ([…], […])`."""
    stated = re.findall(rf'lemma "access_matrix_pretty_ipv4 parts_connection_{service}\b.*?by eval', text, re.S)[-1]
    classes, _, pairs = stated.rpartition("],")
    found = {m[1]: _ranges("".join(re.findall(r"''([^']*)''", m[2]))) for m in _TERM.finditer(classes)}
    return Published(found, frozenset(re.findall(r"\(''([\d.]+)'',\s*''([\d.]+)''\)", pairs)))


def _ranges(text: str) -> list[Range]:
    return [(address(m[1]), address(m[2] or m[1])) for m in _RANGE.finditer(text)]


def _one_of(number: Number, ranges: Iterable[Range]) -> Bool:
    return bits.any_of(bits.between(number, low, high) for low, high in ranges)


class Sources:
    """Which sources come in by which interface: `eth0 = [10.0.0.0/8, 1.2.3.4-1.2.3.9]`, or `all_but_those_ips […]`."""

    def __init__(self, text: str) -> None:
        rows = re.findall(r"^(\S+) = (all_but_those_ips )?\[([^]]*)]", text, re.M)
        self.rows = [(name, bool(but), re.findall(r"[\d./-]+", listed)) for name, but, listed in rows]

    def hold(self, packet: Packet) -> Bool:
        """That a packet came in where its source is; of interfaces that are not listed nothing is known."""
        return bits.all_of(
            bits.either(
                bits.negate(bits.equal_masked(packet["in"], interface(name), -1)),
                bits.differ(bits.any_of(_within(packet["src"], text) for text in listed), but),
            )
            for name, but, listed in self.rows
        )


def _within(number: Number, text: str) -> Bool:
    if "-" in text:
        low, high = map(address, text.split("-"))
        return bits.between(number, low, high)
    found = prefix(text)
    return bits.equal_masked(number, found.value & found.mask, found.mask)


def checkout(root: Path, named: str | None) -> Path | None:
    """Where the files are: in a folder that somebody named, or beside the repository's `shared` data."""
    candidates = (
        [Path(named)] if named else [root.parent / "shared" / "data" / "fffuu", root.parent / "Iptables_Semantics"]
    )
    return next((path for path in candidates if (path / GOLDEN).is_dir()), None)
