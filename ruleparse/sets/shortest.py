"""The same set of packets in fewer rows: which field is asked about first makes rows many or few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool, Function, Space
from ruleparse.packet import Unknowns
from ruleparse.sets.readable import Reader, Rows, rows

ORDERS = (
    ("proto", "dport", "dst", "src", "in", "sport"),
    ("dst", "proto", "dport", "src", "in", "sport"),
    ("in", "src", "dst", "proto", "dport", "sport"),
    ("proto", "dport", "src", "dst", "in", "sport"),
)
_MOST_NODES = 5_000
"""Diagrams larger than that are written down as they are."""
_ROOM = 1 << 16
"""for the same diagram in another order"""


@dataclass(frozen=True, slots=True)
class _Reordered:
    """Variables of the same meaning in another order; nothing here is made up."""

    places: list[tuple[str, int] | None]
    variables: dict[str, tuple[Function, ...]]

    def whatever_is_made_up(self, region: Bool, *, also_the_way_out: bool = False) -> Bool:
        return region


def shortest_rows(
    region: Bool,
    unknowns: Unknowns,
    family: int,
    interfaces: Callable[[], Sequence[str]],
    most: int,
    orders: Sequence[Sequence[str]] = ORDERS,
) -> Rows | None:
    """The rows of a region without answers in it, in that order of fields that makes the fewest."""
    region = unknowns.whatever_is_made_up(region)
    if isinstance(region, bool) or region.node_count() > _MOST_NODES:
        return rows(region, unknowns, family, interfaces, most, negations=True)
    readers = [Reader(again, view, family, interfaces) for again, view in _in_orders(region, unknowns, orders)]
    shortest = min(readers, key=lambda reader: min(reader.count, most), default=None)
    if shortest is None:
        return rows(region, unknowns, family, interfaces, most, negations=True)
    return shortest.rows(most, negations=True)


def _in_orders(
    region: Function, unknowns: Unknowns, orders: Sequence[Sequence[str]]
) -> Iterator[tuple[Bool, _Reordered]]:
    for order in orders:
        with suppress(MemoryError):
            yield _reordered(region, unknowns, order)


def _reordered(region: Function, unknowns: Unknowns, order: Sequence[str]) -> tuple[Bool, _Reordered]:
    space = Space(_ROOM)
    names = [n for n in order if n in unknowns.variables] + [n for n in unknowns.variables if n not in order]
    view = _Reordered([], {})
    for name in names:
        size = len(unknowns.variables[name])
        view.variables[name] = tuple(reversed(space.variables(size)))
        view.places.extend((name, bit) for bit in reversed(range(size)))
    return _Move(unknowns.places, view.variables).of(region), view


class _Move:
    """Makes the same functions of other variables."""

    def __init__(self, places: Sequence[tuple[str, int] | None], variables: Mapping[str, Sequence[Function]]) -> None:
        self.places = places
        self.variables = variables
        self.moved: dict[Bool, Bool] = {True: True, False: False}

    def of(self, f: Bool) -> Bool:
        if f not in self.moved:
            assert not isinstance(f, bool)
            place = self.places[f.node_var() or 0]
            assert place is not None, "answers were split off before"
            yes, no = bits.branches(f)
            self.moved[f] = bits.pick(self.variables[place[0]][place[1]], self.of(yes), self.of(no))
        return self.moved[f]
