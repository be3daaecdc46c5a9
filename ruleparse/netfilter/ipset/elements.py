"""Members of sets: text -> numbers under masks."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

from ruleparse.codec import ALL_ONES, integer, interface, mac, prefix_mask, protocol
from ruleparse.netfilter.icmp_types import ICMP6_NAMES, ICMP_NAMES
from ruleparse.netfilter.ipset.types import Dimension
from ruleparse.netfilter.services import SERVICES

PORTED = frozenset({6, 17, 132, 136})
"""protocols whose ports a set knows: tcp, udp, sctp, udplite"""


class Part(NamedTuple):
    """One dimension of a member: `value` under `mask`; `length` is that of a network, which sets try longest first."""

    value: int
    mask: int
    length: int = 0


def address(text: str, family: int) -> int:
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET if family == 4 else socket.AF_INET6, text), "big")
    except OSError:
        raise ValueError(f"{text!r} is not an IPv{family} address") from None


def parts_of(element: str, dimensions: tuple[Dimension, ...], family: int) -> Iterator[tuple[Part, ...]]:
    """What a member stands for: one combination, or several where it was written with ranges."""
    words = element.split(",")
    missing = len(dimensions) - len(words)
    if missing == 1 and dimensions[-1] is Dimension.MAC:
        words.append("")  # bitmap:ip,mac keeps addresses that have not been seen yet
    elif missing:
        raise ValueError(f"{element!r} has {len(words)} parts, and members of this set {len(dimensions)}")
    return product(*(_READERS[d](word, family) for d, word in zip(dimensions, words, strict=True)))


def _addresses(text: str, family: int) -> list[Part]:
    """`10.0.0.1`, `10.0.0.0/24`, `10.0.0.1-10.0.0.9`"""
    text = text.strip("[]")
    low, dash, high = text.partition("-")
    if dash:
        first, last = address(low, family), address(high, family)
        return [_network(value, length, family) for value, length in blocks(first, last, 32 if family == 4 else 128)]
    base, slash, length = text.partition("/")
    size = 32 if family == 4 else 128
    return [_network(address(base, family), int(length) if slash else size, family)]


def _network(value: int, length: int, family: int) -> Part:
    mask = ALL_ONES[family] if length == (32 if family == 4 else 128) else prefix_mask(length, family)
    return Part(value & mask, mask, length)


def _hosts(text: str, family: int) -> list[Part]:
    return [part._replace(length=0) for part in _addresses(text, family)]


def blocks(first: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    """The prefixes (value, length) that make up the numbers from `first` to `last`, both included."""
    while first <= last:
        bits = min((first & -first).bit_length() - 1 if first else size, (last - first + 1).bit_length() - 1)
        yield first, size - bits
        first += 1 << bits


def _ports(text: str, family: int) -> list[Part]:
    """`tcp:80`, `udp:1000-2000`, `icmp:8/0`, `icmp:echo-request`, `gre:0`, or a port of TCP."""
    name, colon, number = text.rpartition(":")
    proto = protocol(name) if colon else 6
    if proto in (1, 58):
        return [Part(proto << 16 | _icmp(number, ICMP_NAMES if proto == 1 else ICMP6_NAMES), 0xFFFFFF)]
    if proto not in PORTED:
        return [Part(proto << 16, 0xFFFFFF)]
    return [Part(proto << 16 | p.value, 0xFF0000 | p.mask) for p in _plain_ports(number, family)]


def _icmp(text: str, names: object) -> int:
    kind, slash, code = text.partition("/")
    if not slash:
        found = names.get(kind) if isinstance(names, dict) else None
        if found is None:
            raise ValueError(f"{text!r} is not an ICMP type and code")
        return int(found.kind) << 8 | int(found.low)
    return integer(kind, 0, 255) << 8 | integer(code, 0, 255)


def _plain_ports(text: str, _: int) -> list[Part]:
    low, dash, high = text.partition("-")
    first = _port(low)
    last = _port(high) if dash else first
    return [Part(value, 0xFFFF ^ (1 << 16 - length) - 1) for value, length in blocks(first, last, 16)]


def _port(text: str) -> int:
    return SERVICES[text] if text in SERVICES else integer(text, 0, 0xFFFF)


def _mark(text: str, _: int) -> list[Part]:
    return [Part(integer(text, 0, 0xFFFFFFFF), 0xFFFFFFFF)]


def _mac(text: str, _: int) -> list[Part]:
    return [Part(mac(text), (1 << 48) - 1) if text else Part(0, 0)]


def _interface(text: str, _: int) -> list[Part]:
    """An interface's name; `physdev:` is for ports of bridges, which no iptables rule asks a set for."""
    if text.startswith("physdev:"):
        return [Part(0, 0, PHYSICAL)]
    return [Part(interface(text), (1 << 128) - 1)]


PHYSICAL = -1
"""`length` of an interface that is the port of a bridge"""


def _set(text: str, _: int) -> list[Part]:
    raise ValueError(f"{text!r} is a set, not a value")


_READERS: dict[Dimension, Callable[[str, int], list[Part]]] = {
    Dimension.IP: _hosts,
    Dimension.NET: _addresses,
    Dimension.PORT: _ports,
    Dimension.PLAIN_PORT: _plain_ports,
    Dimension.MARK: _mark,
    Dimension.MAC: _mac,
    Dimension.INTERFACE: _interface,
    Dimension.SET: _set,
}
