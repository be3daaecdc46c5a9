"""Sets of packets as rows a person would write: prefixes, ranges, names; no two rows overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from ruleparse.bits import Bool, Function, branches
from ruleparse.codec import prefix_length, show_address, show_mac, show_protocol
from ruleparse.packet import WAY_OUT

Cube = tuple[int, int]
"""(value, mask): the numbers n with n & mask == value."""

Row = dict[str, str]
INTERFACES = frozenset({"in", "out", "in_port"})
ROWS = 64
"""Rows that are written out."""


@dataclass(frozen=True, slots=True)
class Rows:
    """`more` is True where there are rows beyond those written out."""

    rows: list[Row]
    more: bool = False


class Variables(Protocol):
    """What the variables of a region stand for."""

    @property
    def places(self) -> list[tuple[str, int] | None]:
        """Of each variable in order: the field and the bit."""

    @property
    def variables(self) -> dict[str, tuple[Function, ...]]:
        """Of each field: its bits."""

    def whatever_is_made_up(self, region: Bool) -> Bool:
        """The region without numbers that nobody gives."""


def rows(
    region: Bool,
    unknowns: Variables,
    family: int,
    interfaces: Callable[[], Sequence[str]] = tuple,
    most: int = ROWS,
    *,
    negations: bool = False,
) -> Rows | None:
    """A region of unknown fields, None if it is everything. `interfaces` are what an unknown one may be, in words;
    with `negations` values are written as `any except` others, where that is shorter.
    """
    if region is True:
        return None
    if region is False:
        return Rows([])
    reader = Reader(unknowns.whatever_is_made_up(region), unknowns, family, interfaces)
    return reader.rows(most, negations=negations)


class Reader:
    """Reads the rows of a region; a part of it that many rows lead to is gone through once."""

    def __init__(
        self, region: Bool, unknowns: Variables, family: int, interfaces: Callable[[], Sequence[str]] = tuple
    ) -> None:
        self.region = region
        self.unknowns = unknowns
        self.family = family
        self.interfaces = interfaces
        self._parts: dict[Function, list[tuple[list[Cube], Bool]]] = {}
        self._counts: dict[Bool, int] = {True: 1, False: 0}
        self._chosen: dict[tuple[Cube, ...], str] = {}
        self._texts: dict[tuple[Function, bool], list[tuple[Row, Bool]]] = {}

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._count(self.region)

    def rows(self, most: int, *, negations: bool = False) -> Rows | None:
        """The first rows, None if the region is everything."""
        if self.region is True:
            return None
        found = list(islice(self._walk(self.region, negations), most + 1))
        return Rows(found[:most], len(found) > most)

    def _count(self, region: Bool) -> int:
        if region not in self._counts:
            assert not isinstance(region, bool)
            self._counts[region] = sum(self._count(rest) for _, rest in self._split(region))
        return self._counts[region]

    def _walk(self, region: Bool, negations: bool) -> Iterator[Row]:
        if isinstance(region, bool):
            yield {}
            return
        if (region, negations) not in self._texts:
            self._texts[region, negations] = list(self._told(region, negations))
        for shown, rest in self._texts[region, negations]:
            for row in self._walk(rest, negations):
                yield {**shown, **row}

    def _told(self, region: Function, negations: bool) -> Iterator[tuple[Row, Bool]]:
        """Each part of a region as a row that says nothing of what is asked behind it."""
        name = self._field(region)
        assert name is not None
        size = len(self.unknowns.variables[name])
        field = shown_name(name)
        words = self.interfaces() if field in INTERFACES else ()
        chosen = bool(words) and size == len(words).bit_length()
        for cubes, rest in self._split(region):
            if chosen:
                text = self._chosen.get(tuple(cubes)) or show_choices(cubes, size, words)
                self._chosen[tuple(cubes)] = text
            else:
                text = show_values(field, cubes, size, self.family, negations=negations)
            yield {field: text} if text else {}, rest

    def _split(self, region: Function) -> list[tuple[list[Cube], Bool]]:
        """A region by the values of its first field: those that leave the same to be asked together, few first."""
        if region not in self._parts:
            groups: dict[Bool, list[Cube]] = {}
            for cube, rest in self._cubes(region):
                groups.setdefault(rest, []).append(cube)
            groups.pop(False, None)
            parts = sorted(((cubes, rest) for rest, cubes in groups.items()), key=lambda part: (len(part[0]), part[0]))
            self._parts[region] = parts
        return self._parts[region]

    def _field(self, f: Bool) -> str | None:
        """The field that is asked about first, None if nothing is."""
        variable = None if isinstance(f, bool) else f.node_var()
        if variable is None:
            return None
        place = self.unknowns.places[variable]
        assert place is not None, "answers were split off before"
        return place[0]

    def _cubes(self, region: Function) -> Iterator[tuple[Cube, Bool]]:
        """Every way through the bits of one field, the smallest first, and what is asked behind it."""
        places = self.unknowns.places
        name = self._field(region)
        pending: list[tuple[Bool, int, int]] = [(region, 0, 0)]
        while pending:
            f, value, mask = pending.pop()
            variable = None if isinstance(f, bool) else f.node_var()
            place = None if variable is None else places[variable]
            if place is None or place[0] != name:
                yield (value, mask), f
                continue
            assert not isinstance(f, bool)
            bit = 1 << place[1]
            yes, no = branches(f)
            pending += [(yes, value | bit, mask | bit), (no, value, mask | bit)]


def shown_name(name: str) -> str:
    """A field as the command line calls it; the unknown interface of a missing route is `out`."""
    return "out" if name.startswith(WAY_OUT) or name == "out_given" else name.removeprefix("flow.")


# Values of one field


def show_choices(cubes: list[Cube], size: int, words: Sequence[str]) -> str:
    """The words that some cubes choose; all others, where those are fewer."""
    last = len(words) - 1
    found = {min(n, last) for n in range(1 << size) if any(n & mask == value for value, mask in cubes)}
    others = [word for index, word in enumerate(words) if index not in found]
    if not others:
        return ""
    if len(others) < len(found) and last in found:
        return f"any except {', '.join(others)}"
    return ", ".join(word for index, word in enumerate(words) if index in found)


def show_values(name: str, cubes: list[Cube], size: int, family: int, *, negations: bool = False) -> str:
    """The values that some cubes hold, as the command line takes them; or those they do not, if that is shorter."""
    if any(mask == 0 for _, mask in cubes):
        return ""
    if negations and (others := _others(cubes, size)):
        return "any except " + show_values(name, others, size, family)
    whole = [prefix for cube in cubes for prefix in prefixes(cube, size)]
    others = [cube for cube in cubes if _holes(cube[1], size).bit_count() > _MOST_HOLES]
    family = _FAMILIES.get(name, family)
    if name in ("src", "dst") or name in _FAMILIES:
        masked = (f"{show_address(value, family)}/{show_address(mask, family)}" for value, mask in others)
        return ",".join((*_addresses(sorted(whole), size, family), *masked))
    show = _SHOW.get(name, str)
    return ",".join((*_ranges(whole, size, show), *(f"{value:#x}/{mask:#x}" for value, mask in others)))


_MOST_HOLES = 8
"""With more bits that may be anything amid others, a mask is shorter than the prefixes."""


def _holes(mask: int, size: int) -> int:
    """Bits above the last one asked about that are not asked about."""
    return (1 << size) - 1 & ~mask & -(mask & -mask)


def prefixes(cube: Cube, size: int) -> Iterator[Cube]:
    """A cube as prefixes that do not overlap; none where they are too many."""
    value, mask = cube
    holes = _holes(mask, size)
    if holes.bit_count() > _MOST_HOLES:
        return
    filled = 0
    while True:
        yield value | filled, mask | holes
        filled = filled - holes & holes  # the next number that fits into the holes
        if filled == 0:
            return


_SHOW: Mapping[str, Callable[[int], str]] = {
    **dict.fromkeys(("proto", "nw_proto"), show_protocol),
    **dict.fromkeys(("src_mac", "dst_mac", "dl_src", "dl_dst", "arp_sha", "arp_tha"), show_mac),
    **dict.fromkeys(("dl_type", "vlan_tci", "tcp_flags", "tun_id", "pkt_mark"), "{:#x}".format),
}
_FAMILIES: Mapping[str, int] = {
    **dict.fromkeys(("nw_src", "nw_dst", "tun_src", "tun_dst"), 4),
    **dict.fromkeys(("ipv6_src", "ipv6_dst", "tun_ipv6_src", "tun_ipv6_dst", "nd_target"), 6),
}
"""Fields of packets in a bridge that are addresses."""


def _spans(cubes: list[Cube], size: int) -> list[tuple[int, int]]:
    """Prefixes as ranges, neighbours joined."""
    spans: list[tuple[int, int]] = []
    for value, mask in sorted(cubes):
        high = value | ((1 << size) - 1 ^ mask)
        if spans and spans[-1][1] + 1 == value:
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((value, high))
    return spans


def _others(cubes: list[Cube], size: int) -> list[Cube]:
    """The values that no cube holds, if they are fewer stretches than those held; else nothing."""
    if any(_holes(mask, size).bit_count() > _MOST_HOLES for _, mask in cubes):
        return []
    spans = _spans([prefix for cube in cubes for prefix in prefixes(cube, size)], size)
    starts = [0, *(high + 1 for _, high in spans)]
    ends = [*(low - 1 for low, _ in spans), (1 << size) - 1]
    gaps = [(low, high) for low, high in zip(starts, ends, strict=True) if low <= high]
    return [cube for gap in gaps for cube in _cubes_of(*gap, size)] if len(gaps) < len(spans) else []


def _cubes_of(low: int, high: int, size: int) -> Iterator[Cube]:
    """A range as the fewest prefixes."""
    while low <= high:
        span = min(low & -low or 1 << size, 1 << (high - low + 1).bit_length() - 1)
        yield low, (1 << size) - span
        low += span


def _ranges(cubes: list[Cube], size: int, show: Callable[[int], str]) -> Iterator[str]:
    return (show(low) if low == high else f"{low}-{high}" for low, high in _spans(cubes, size))


def _addresses(cubes: list[Cube], size: int, family: int) -> Iterator[str]:
    """Prefixes where they are few, else ranges."""
    spans = _spans(cubes, size)
    if len(spans) < len(cubes) / 2:
        for low, high in spans:
            yield show_address(low, family) + (f"-{show_address(high, family)}" if high > low else "")
        return
    for value, mask in cubes:
        length = prefix_length(mask if size < 128 or family == 6 else mask & 0xFFFFFFFF, family)
        yield show_address(value, family) + (f"/{length}" if length not in (32 if family == 4 else 128, None) else "")
