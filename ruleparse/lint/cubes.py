"""Sets of packets that flows match: some bits are given, all others are free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ruleparse.openflow.fields import PREFIX
from ruleparse.openflow.fields import flow as flow_field
from ruleparse.openflow.formats import CT_STATES, full
from ruleparse.openflow.keys import KEYS, KEYWORDS, Keyword
from ruleparse.packet import FIELDS
from ruleparse.program import Masked


class Cube(NamedTuple):
    """All fields in a row as one number: the bits of `mask` are those of `value`."""

    value: int
    mask: int

    def meets(self, other: Cube) -> bool:
        """Whether some packet is in both."""
        return not (self.value ^ other.value) & self.mask & other.mask

    def holds(self, other: Cube) -> bool:
        """Whether every packet of the other is in this one."""
        return not self.mask & ~other.mask and not (self.value ^ other.value) & self.mask

    def both(self, other: Cube) -> Cube:
        """The packets in both, if some are."""
        return Cube(self.value | other.value, self.mask | other.mask)


EVERYTHING = Cube(0, 0)
ROOM = 200_000
"""Cubes that are looked at for one answer."""
MANY = 64
"""Cubes of which none is left out any more: that would take long."""


def hole(cube: Cube, others: Iterable[Cube], room: int = ROOM) -> Cube | None:
    """Packets of a cube that are in none of the others, None if there are none. Raises MemoryError."""
    pending = [(cube, [other for other in others if other.meets(cube)])]
    while pending:
        cube, others = pending.pop()
        if not others:
            return cube
        room -= len(others)
        if room < 0:
            raise MemoryError("too many flows overlap")
        if any(other.holds(cube) for other in others):
            continue
        free = min(others, key=lambda other: (other.mask & ~cube.mask).bit_count()).mask & ~cube.mask
        bit = 1 << free.bit_length() - 1
        for value in (bit, 0):
            half = Cube(cube.value | value, cube.mask | bit)
            pending.append((half, [other for other in others if other.meets(half)]))
    return None


def those_needed(cube: Cube, others: Sequence[Cube]) -> list[int]:
    """Which of some cubes that together hold one are enough: one if one will do, else none that can be left out (of
    very many all that have to do with it)."""
    for index, other in enumerate(others):
        if other.holds(cube):
            return [index]
    kept = [index for index, other in enumerate(others) if other.meets(cube)]
    for index in list(kept) if len(kept) <= MANY else ():
        left = [other for other in kept if other != index]
        if hole(cube, [others[other] for other in left]) is None:
            kept = left
    return kept


@dataclass
class Layout:
    """Where in a cube each field is."""

    places: dict[str, int] = field(default_factory=dict)
    end: int = 0

    def place(self, name: str) -> int:
        if name not in self.places:
            self.places[name] = self.end
            self.end += FIELDS[name].width
        return self.places[name]

    def cube(self, tests: Iterable[Masked]) -> Cube | None:
        """The packets for which all tests hold, None if there are none."""
        found = EVERYTHING
        for test in tests:
            mask = test.mask & full(FIELDS[test.field].width)
            one = Cube((test.value & mask) << self.place(test.field), mask << self.place(test.field))
            if not one.meets(found):
                return None
            found = found.both(one)
        return found

    def bits(self, name: str, value: int, mask: int) -> Cube:
        """Packets with some bits of a field."""
        return Cube(value << self.place(flow_field(name)), mask << self.place(flow_field(name)))

    def fields(self, cube: Cube) -> set[str]:
        """Fields of which some bits are given."""
        places = self.places.items()
        return {name.removeprefix(PREFIX) for name, at in places if cube.mask >> at & full(FIELDS[name].width)}

    def differ(self, one: Cube, other: Cube) -> set[str]:
        """Fields of which two cubes do not ask the same."""
        return self.fields(Cube(0, (one.mask ^ other.mask) | (one.value ^ other.value)))

    def impossible(self) -> Iterator[Cube]:
        """Packets that there are not: of the states that conntrack finds, of VLAN tags, of fragments."""
        trk, inv, new = (1 << CT_STATES.index(name) for name in ("trk", "inv", "new"))
        for name in CT_STATES:
            bit = 1 << CT_STATES.index(name)
            if bit != trk:
                yield self.bits("ct_state", bit, bit | trk)
            if bit not in (trk, inv):
                yield self.bits("ct_state", bit | inv, bit | inv)
            if name in ("est", "rpl"):
                yield self.bits("ct_state", bit | new, bit | new)
        yield from (self.bits("vlan_tci", 1 << n, 1 << n | _TAGGED) for n in range(16) if 1 << n != _TAGGED)
        yield self.bits("nw_frag", _LATER, _LATER | _FRAGMENT)

    def words(self, cube: Cube) -> str:
        """One packet of a cube as `ofproto/trace` takes it; what is 0 and does not matter is left out."""
        given = {name: value for name in sorted(self.places) if (value := self._value(cube, name)) is not None}
        keyword = max((k for k in KEYWORDS.values() if _means(k, given)), key=lambda k: len(k.values), default=None)
        named = keyword.values if keyword else {}
        called = keyword.name if keyword else ""
        rest = [_shown(n, value, called) for n, value in given.items() if n.removeprefix(PREFIX) not in named]
        return ",".join([*filter(None, [called]), *rest]) or "any packet"

    def _value(self, cube: Cube, name: str) -> int | None:
        """The bits of a field that are given, None if all are 0 or none are."""
        return cube.value >> self.places[name] & full(FIELDS[name].width) or None


_TAGGED = 0x1000
_FRAGMENT, _LATER = 1, 2
_KEYS = {key.parts[0].field: key for key in KEYS if key.shown == key.parts[0].field}
_IN_ARP = {"nw_src": "arp_spa", "nw_dst": "arp_tpa", "nw_proto": "arp_op"}


def _means(keyword: Keyword, given: Mapping[str, int]) -> bool:
    return all(given.get(flow_field(name)) == value for name, value in keyword.values.items())


def _shown(name: str, value: int, protocol: str) -> str:
    plain = name.removeprefix(PREFIX)
    key, called = _KEYS.get(plain), _IN_ARP.get(plain, plain) if protocol.endswith("arp") else plain
    return f"{called}={value if key is None else key.show(value, full(key.width))}"
