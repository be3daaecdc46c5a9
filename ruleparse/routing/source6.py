"""The IPv6 addresses that MASQUERADE and REDIRECT choose.

Sources: net/ipv6/addrconf.c (ipv6_dev_get_saddr, ipv6_get_saddr_eval), net/ipv6/addrlabel.c, RFC 6724;
net/netfilter/nf_nat_masquerade.c, nf_nat_redirect.c.

Which address wins depends on the destination by its leading bits alone, so it is worked out once for each prefix within
which nothing changes, and becomes a rule for each.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ruleparse.codec import ALL_ONES, Prefix, interface, prefix
from ruleparse.program import Copy, Goto, Masked, Return, Rule, Set, Stop, Table
from ruleparse.routing.conditions import inside, is_, one_of
from ruleparse.routing.model import Address, Interfaces
from ruleparse.routing.sysctl import Settings

_LINK, _SITE, _GLOBAL = 2, 5, 14

_LABELS = [
    (prefix(text), label)
    for text, label in {
        "::1/128": 0, "::/96": 3, "::ffff:0:0/96": 4, "2001::/32": 6, "2001:10::/28": 7, "2002::/16": 2,
        "3ffe::/16": 12, "fec0::/10": 11, "fc00::/7": 5, "::/0": 1,
    }.items()
]  # fmt: skip
"""net/ipv6/addrlabel.c, ip6addrlbl_init_table, the longest prefix first"""

_ORCHID, _MAPPED, _COMPATIBLE = (prefix(p) for p in ("2001:10::/28", "::ffff:0:0/96", "::/96"))
_LINK_LOCAL, _SITE_LOCAL, _MULTICAST, _LOOPBACK = (prefix(p) for p in ("fe80::/10", "fec0::/10", "ff00::/8", "::1/128"))


def _holds(p: Prefix, value: int) -> bool:
    return value & p.mask == p.value


def scope(value: int) -> int:
    """ipv6_addr_src_scope: how far an address reaches."""
    if _holds(_MULTICAST, value):
        return value >> 112 & 15
    if _holds(_LINK_LOCAL, value) or _holds(_LOOPBACK, value):
        return _LINK
    return _SITE if _holds(_SITE_LOCAL, value) else _GLOBAL


def label(value: int) -> int:
    return next(number for p, number in _LABELS if _holds(p, value))


def common_bits(a: int, b: int) -> int:
    return 128 - (a ^ b).bit_length()


@dataclass(frozen=True, slots=True)
class Kind:
    """What candidates have in common that the choice looks at before it counts common bits."""

    scope: int
    preferred: bool
    home: bool
    on_out: bool
    label: int
    wanted_lifetime: bool
    orchid: bool

    def score(self, destination: int) -> tuple[int, ...]:
        """Compared element by element, the larger wins: RFC 6724, section 5, rules 2 to 7, and what Linux adds."""
        needed = scope(destination)
        return (
            -self.scope if self.scope >= needed else self.scope - 128,
            self.preferred,
            self.home,
            self.on_out,
            self.label == label(destination),
            self.wanted_lifetime,
            self.orchid == _holds(_ORCHID, destination),
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that may become the source of a packet; `order` is its place among all of the node."""

    address: Address
    on: str
    order: int
    prefers_temporary: bool

    def kind(self, out: str) -> Kind:
        value, flags = self.address.value, self.address.flags
        return Kind(
            scope(value),
            not flags & {"deprecated", "optimistic"} or _holds(_MAPPED, value) or _holds(_COMPATIBLE, value),
            bool(flags & {"home", "homeaddress"}),
            self.on == out,
            label(value),
            ("temporary" in flags) == self.prefers_temporary,
            _holds(_ORCHID, value),
        )

    def score(self, destination: int) -> tuple[int, ...]:
        """What decides among candidates of equal kinds: rule 8, and the first listed."""
        common = min(common_bits(self.address.value, destination), self.address.length)
        return (common, "optimistic" not in self.address.flags, -self.order)


def candidates(interfaces: Interfaces, settings: Settings) -> list[Candidate]:
    """Every address of the node that may be chosen, in the kernel's order."""
    found = [(a, i.name) for i in interfaces for a in i.addresses if a.family == 6 and is_ready(a)]
    return [
        Candidate(address, on, order, (settings.of_interface(6, on, "use_tempaddr") or 0) >= 2)
        for order, (address, on) in enumerate(found)
    ]


def is_ready(address: Address) -> bool:
    return "tentative" not in address.flags or "optimistic" in address.flags


class Choice:
    """ipv6_dev_get_saddr for one interface `out`; the empty name stands for one without addresses."""

    def __init__(self, out: str, every: Iterable[Candidate], own_only: bool = False) -> None:
        self.own_only = own_only
        self.kinds: dict[Kind, list[Candidate]] = {}
        for candidate in every:
            self.kinds.setdefault(candidate.kind(out), []).append(candidate)

    def contenders(self, destination: int) -> list[Candidate]:
        """The candidates of the best kinds. On-link and multicast destinations take an address of `out`."""
        on_link = _holds(_MULTICAST, destination) or scope(destination) <= _LINK
        kinds = [k for k in self.kinds if k.on_out] if on_link or self.own_only else list(self.kinds)
        best = max((k.score(destination) for k in kinds), default=None)
        return [c for k in kinds if k.score(destination) == best for c in self.kinds[k]]

    def winner(self, destination: int) -> Candidate | None:
        contenders = self.contenders(destination)
        same = next((c for c in contenders if c.address.value == destination), None)  # rule 1
        return same or max(contenders, key=lambda c: c.score(destination), default=None)

    def borders(self) -> set[Prefix]:
        """Prefixes of destinations at whose edges the winner may change, but for rule 1."""
        fixed = _FIXED_BORDERS
        contenders = {c.address.value: c for p in fixed for c in self.contenders(p.value)}
        values = sorted(contenders)
        lengths = {128} | {c.address.length + 1 for c in contenders.values() if c.address.length < 128}
        found = set(fixed) | {_around(v, length) for v in values for length in lengths}
        for one, other in pairwise(values):
            split = common_bits(one, other)
            found |= {_around(one, split), _around(one, split + 1), _around(other, split + 1)}
        return found


def _around(value: int, length: int) -> Prefix:
    mask = ALL_ONES[6] ^ (1 << 128 - length) - 1
    return Prefix(value & mask, mask, 6)


_FIXED_BORDERS = frozenset(
    [p for p, _ in _LABELS]
    + [_LINK_LOCAL, _SITE_LOCAL, _MULTICAST, _LOOPBACK]
    + [_around(0xFF << 120 | flags << 116 | reach << 112, 16) for flags in (0, 1, 3) for reach in (1, 2, 5, 8, 14)]
)
"""Where labels and scopes change, for the kinds of multicast addresses that are in use."""


# Rules


def masquerade_tables(name: str, interfaces: Interfaces, settings: Settings) -> dict[str, Table]:
    """The table `name`, and one for each interface that has addresses."""
    every = candidates(interfaces, settings)
    tables, rules = {}, []
    for out in dict.fromkeys(c.on for c in every):
        child = f"{name} {out}"
        own_only = settings.of_interface(6, out, "use_oif_addrs_only") == 1
        tables[child] = Table(child, list(_rules(Choice(out, every, own_only))))
        rules.append(Rule((is_("out", interface(out)),), (Goto(child),)))
    elsewhere = list(_rules(Choice("", every)))
    return {name: Table(name, [*_same_address(every), *rules, *elsewhere]), **tables}


def _same_address(every: list[Candidate]) -> Iterator[Rule]:
    """Rule 1: an address of this node is best reached from itself."""
    own = [c.address.value for c in every if scope(c.address.value) > _LINK]
    if own:
        yield Rule((one_of("dst", own),), (Copy("src", "dst"), Return()))


def _rules(choice: Choice) -> Iterator[Rule]:
    for place, chosen in cells(choice):
        if chosen is None:
            yield Rule(inside("dst", place), (NO_ADDRESS,))
        else:
            yield Rule(inside("dst", place), (Set("src", chosen.address.value), Return()), None, chosen.address.span)


NO_ADDRESS = Stop("drop", "MASQUERADE found no address on the interface it leaves by")


def cells(choice: Choice) -> list[tuple[Prefix, Candidate | None]]:
    """Prefixes of destinations, the longest first, and who wins where no longer one holds."""
    borders = sorted(choice.borders(), key=lambda p: (p.value, p.mask))
    chosen: list[tuple[Prefix, Candidate | None]] = []
    outer: list[tuple[Prefix, Candidate | None]] = []
    for place in borders:
        while outer and not _contains(outer[-1][0], place):
            outer.pop()
        point = _own_point(place, borders)
        if point is None:
            continue
        winner = choice.winner(point)
        if not outer or outer[-1][1] is not winner:
            outer.append((place, winner))
            chosen.append((place, winner))
    return sorted(chosen, key=lambda cell: -cell[0].mask)


def _contains(outer: Prefix, inner: Prefix) -> bool:
    return outer.mask & inner.mask == outer.mask and inner.value & outer.mask == outer.value


def _own_point(place: Prefix, borders: list[Prefix]) -> int | None:
    """An address in a prefix that no narrower border holds, None where they cover it all."""
    first = bisect_left(borders, place.value, key=lambda p: p.value)
    last = bisect_right(borders, place.value | ~place.mask & ALL_ONES[6], key=lambda p: p.value)
    inner = [p for p in borders[first:last] if p.mask > place.mask]
    return _uncovered(place.value, place.mask.bit_count(), inner)


def _uncovered(value: int, length: int, inner: list[Prefix]) -> int | None:
    if not inner:
        return value
    if any(p.mask.bit_count() == length for p in inner):
        return None
    half = 1 << 127 - length
    lower = [p for p in inner if p.value < value | half]
    upper = [p for p in inner if p.value >= value | half]
    found = _uncovered(value, length + 1, lower)
    return found if found is not None else _uncovered(value | half, length + 1, upper)


def redirect_rules(interfaces: Interfaces) -> Iterator[Rule]:
    """The first ready address of the interface it came in by, of the destination's scope where that is not global."""
    for each in interfaces:
        ready = [a for a in each.addresses if a.family == 6 and is_ready(a) and not _holds(_MAPPED, a.value)]
        came_in = is_("in", interface(each.name))
        for narrow in (_LOOPBACK, _LINK_LOCAL, _SITE_LOCAL):
            fits = [a for a in ready if _holds(narrow, a.value)]
            yield from (_redirected(a, came_in, *inside("dst", narrow)) for a in fits[:1])
            if not fits and ready:
                drop = Stop("drop", "REDIRECT found no address of the right scope on the interface it came in by")
                yield Rule((came_in, *inside("dst", narrow)), (drop,))
        yield from (_redirected(a, came_in) for a in ready[:1])


def _redirected(address: Address, *tests: Masked) -> Rule:
    return Rule(tests, (Set("dst", address.value), Return()), None, address.span)
