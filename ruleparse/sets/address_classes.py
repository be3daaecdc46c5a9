"""Addresses that fare alike: as sources towards everybody, and as destinations from everybody.

A region of sources and destinations is a diagram with the destination on top: each part that hangs below the last bit
of the destination is a set of sources, reached by a set of destinations. All these sets together cut the space of
addresses into its classes, and no two classes could be one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ruleparse import bits
from ruleparse.bits import Bool, Function
from ruleparse.codec import Prefix
from ruleparse.packet import Unknowns

MOST_CLASSES = 500
"""A MemoryError says that there are more: nobody reads them."""


def classes(regions: Iterable[Bool], unknowns: Unknowns, within: Bool = True) -> list[Bool]:
    """The fewest classes of addresses such that each region holds all of two classes or none, the largest first.

    Regions speak of the source and destination address alone; `within` and the classes speak of the source.
    """
    found = [within]
    for region in dict.fromkeys(regions):
        for sources, destinations in _parts(region, unknowns):
            for cut in (sources, moved(destinations, "src", unknowns)):
                found = [
                    part for one in found for part in (bits.both(one, cut), bits.without(one, cut)) if part is not False
                ]
                if len(found) > MOST_CLASSES:
                    raise MemoryError
    return sorted(found, key=lambda one: -unknowns.count(one))


def _parts(region: Bool, unknowns: Unknowns) -> list[tuple[Bool, Bool]]:
    """Sets of sources that different destinations have, with these destinations."""
    places = unknowns.places
    memo: dict[Bool, dict[Bool, Bool]] = {}

    def below(f: Bool) -> dict[Bool, Bool]:
        place = None if isinstance(f, bool) else places[f.node_var() or 0]
        if isinstance(f, bool) or place is None or place[0] != "dst":
            return {f: True}
        if f not in memo:
            variable = unknowns.space.at(f.node_var() or 0)
            yes, no = map(below, bits.branches(f))
            memo[f] = {one: bits.pick(variable, yes.get(one, False), no.get(one, False)) for one in {**yes, **no}}
        return memo[f]

    return list(below(region).items())


def moved(addresses: Bool, to: str, unknowns: Unknowns) -> Bool:
    """The same addresses, of sources (`src`) or of destinations (`dst`)."""
    variables, places = unknowns.variables[to], unknowns.places
    memo: dict[Function, Bool] = {}

    def move(f: Bool) -> Bool:
        if isinstance(f, bool):
            return f
        if f not in memo:
            place = places[f.node_var() or 0]
            assert place is not None
            yes, no = map(move, bits.branches(f))
            memo[f] = bits.pick(variables[place[1]], yes, no)
        return memo[f]

    return move(addresses)


def prefixes_of(sources: Bool, unknowns: Unknowns, family: int) -> Sequence[Prefix]:
    """A set of sources as addresses under masks that do not overlap; none of them where that is all addresses."""
    pending: list[tuple[Bool, int, int]] = [(sources, 0, 0)]
    found = []
    while pending:
        f, value, mask = pending.pop()
        if f is True and mask:
            found.append(Prefix(value, mask, family))
        if isinstance(f, bool):
            continue
        place = unknowns.places[f.node_var() or 0]
        assert place is not None
        bit = 1 << place[1]
        yes, no = bits.branches(f)
        pending += [(yes, value | bit, mask | bit), (no, value, mask | bit)]
    return found
