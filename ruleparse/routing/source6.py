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
from ruleparse.program import Action, Copy, Goto, Masked, Return, Rule, Set, Stop, Table
from ruleparse.routing.conditions import inside, is_, one_of
from ruleparse.routing.lazy import LazyRules
from ruleparse.routing.model import Address, Interfaces
from ruleparse.routing.sysctl import Settings

_NOWHERE, _LINK, _SITE, _GLOBAL = -1, 2, 5, 14

_LABELS = [
    (prefix(text), label)
    for text, label in {
        "::1/128": 0, "::/96": 3, "::ffff:0:0/96": 4, "2001::/32": 6, "2001:10::/28": 7, "2002::/16": 2,
        "3ffe::/16": 12, "fec0::/10": 11, "fc00::/7": 5, "::/0": 1,
    }.items()
]  # fmt: skip
"""net/ipv6/addrlabel.c, ip6addrlbl_init_table, the longest prefix first"""

_ORCHID, _MAPPED, _COMPATIBLE = (prefix(p) for p in ("2001:10::/28", "::ffff:0:0/96", "::/96"))
_LINK_LOCAL, _SITE_LOCAL, _MULTICAST = (prefix(p) for p in ("fe80::/10", "fec0::/10", "ff00::/8"))
_LOOPBACK, _UNSPECIFIED = prefix("::1/128"), prefix("::/128")


def _holds(p: Prefix, value: int) -> bool:
    return value & p.mask == p.value


def scope(value: int) -> int:
    """ipv6_addr_src_scope: how far an address reaches."""
    if value == 0:
        return _NOWHERE
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


def candidates(interfaces: Interfaces, settings: Settings) -> list[Candidate]:
    """Every address of the node that may be chosen, in the kernel's order."""
    found = [(a, i.name) for i in interfaces for a in i.addresses if a.family == 6 and is_ready(a)]
    return [
        Candidate(address, on, order, (settings.of_interface(6, on, "use_tempaddr") or 0) >= 2)
        for order, (address, on) in enumerate(found)
    ]


def is_ready(address: Address) -> bool:
    return "tentative" not in address.flags or "optimistic" in address.flags


class Alike:
    """Candidates of one kind and prefix length, to be compared by common bits."""

    def __init__(self, members: Iterable[Candidate]) -> None:
        self.sorted = sorted(members, key=_value)
        self.length = self.sorted[0].address.length

    def best(self, destination: int) -> tuple[int, int, Candidate]:
        """What decides among kinds that are equal: common bits (rule 8), and who is listed first."""
        place = bisect_left(self.sorted, destination, key=_value)
        nearest = self.sorted[max(0, place - 1) : place + 1]
        common = min(self.length, max(common_bits(c.address.value, destination) for c in nearest))
        around = _around(destination, common)
        first = bisect_left(self.sorted, around.value, key=_value)
        last = bisect_right(self.sorted, around.value | ~around.mask & ALL_ONES[6], key=_value)
        winner = min(self.sorted[first:last], key=lambda c: c.order)
        return common, -winner.order, winner


def _value(candidate: Candidate) -> int:
    return candidate.address.value


class Choice:
    """Which of some candidates is taken for a packet that leaves by `out`: ipv6_dev_get_saddr but for rule 1."""

    def __init__(self, out: str, among: Iterable[Candidate]) -> None:
        groups: dict[tuple[Kind, int], list[Candidate]] = {}
        for candidate in among:
            groups.setdefault((candidate.kind(out), candidate.address.length), []).append(candidate)
        self.kinds: dict[Kind, list[Alike]] = {}
        for (kind, _), members in groups.items():
            self.kinds.setdefault(kind, []).append(Alike(members))

    def contenders(self, destination: int) -> list[Alike]:
        """The candidates of the best kinds."""
        scores = {kind: kind.score(destination) for kind in self.kinds}
        best = max(scores.values(), default=None)
        return [alike for kind, score in scores.items() if score == best for alike in self.kinds[kind]]

    def winner(self, destination: int) -> Candidate | None:
        return max((alike.best(destination) for alike in self.contenders(destination)), default=(0, 0, None))[2]

    def borders(self) -> set[Prefix]:
        """Prefixes of destinations at whose edges the winner may change."""
        contenders = {id(alike): alike for place in _FIXED_BORDERS for alike in self.contenders(place.value)}.values()
        values = sorted({c.address.value for alike in contenders for c in alike.sorted})
        lengths = {alike.length + 1 for alike in contenders if alike.length < 128}
        found = set(_FIXED_BORDERS) | {_around(v, length) for v in values for length in lengths}
        for one, other in pairwise(values):
            split = common_bits(one, other)
            found |= {_around(one, split), _around(one, split + 1), _around(other, split + 1)}
        return found


def _around(value: int, length: int) -> Prefix:
    mask = ALL_ONES[6] ^ (1 << 128 - length) - 1
    return Prefix(value & mask, mask, 6)


_ON_LINK = (_MULTICAST, _LINK_LOCAL, _LOOPBACK, _UNSPECIFIED)
_FIXED_BORDERS = frozenset(
    [p for p, _ in _LABELS]
    + [*_ON_LINK, _SITE_LOCAL]
    + [_around(0xFF << 120 | flags << 116 | reach << 112, 16) for flags in (0, 1, 3) for reach in (1, 2, 5, 8, 14)]
)
"""Where labels and scopes change, for the kinds of multicast addresses that are in use."""


# Rules


def masquerade_tables(name: str, interfaces: Interfaces, settings: Settings) -> dict[str, Table]:
    """The table `name`, and those for each interface that has addresses."""
    every = candidates(interfaces, settings)
    far = [c for c in every if scope(c.address.value) > _LINK]
    elsewhere = f"{name} elsewhere"
    tables = {elsewhere: Table(elsewhere, LazyRules(lambda: [*_on_link(NO_ADDRESS), *_rules(Choice("", every))]))}
    rules = [*_same_address(far)]
    for out in dict.fromkeys(c.on for c in every):
        own = [c for c in every if c.on == out]
        if settings.of_interface(6, out, "use_oif_addrs_only") == 1:
            rest = own
        else:
            rest = every if set(own) & set(far) or not far else []
        tables |= _interface_tables(f"{name} {out}", out, own, rest, elsewhere)
        rules.append(Rule((is_("out", interface(out)),), (Goto(f"{name} {out}"),)))
    return {name: Table(name, [*rules, Rule((), (Goto(elsewhere),))]), **tables}


def _interface_tables(
    name: str, out: str, own: list[Candidate], others: list[Candidate], elsewhere: str
) -> dict[str, Table]:
    """For what leaves by `out`: its own addresses on the link, those of `others` beyond it, or the choice elsewhere.

    Where an interface has link-local addresses alone, and the node others, it might as well have none.
    """
    near = f"{name} on link"

    def rules() -> list[Rule]:
        beyond = _rules(Choice(out, others)) if others else [Rule((), (Goto(elsewhere),))]
        return [*_on_link(Goto(near)), *beyond]

    return {
        name: Table(name, LazyRules(rules)),
        near: Table(near, LazyRules(lambda: list(_rules(Choice(out, own))))),
    }


def _on_link(action: Action) -> Iterator[Rule]:
    """Rules for destinations on the link, which take an address of the interface that they leave by."""
    return (Rule(inside("dst", place), (action,)) for place in _ON_LINK)


def _same_address(far: list[Candidate]) -> Iterator[Rule]:
    """Rule 1: an address of this node is best reached from itself."""
    if far:
        yield Rule((one_of("dst", [c.address.value for c in far]),), (Copy("src", "dst"), Return()))


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
        for narrow, group in ((_LOOPBACK, 1), (_LINK_LOCAL, 2), (_SITE_LOCAL, 5)):
            fits = [a for a in ready if _holds(narrow, a.value)]
            for towards in (inside("dst", narrow), (_to_group(group),)):
                yield from (_redirected(a, came_in, *towards) for a in fits[:1])
                if not fits and ready:
                    drop = Stop("drop", "REDIRECT found no address of the right scope on the interface it came in by")
                    yield Rule((came_in, *towards), (drop,))
        yield from (_redirected(a, came_in) for a in ready[:1])


def _to_group(scope: int) -> Masked:
    """The scope of a multicast group is in its address (RFC 4291, section 2.7)."""
    return Masked("dst", (0xFF00 | scope) << 112, 0xFF0F << 112)


def _redirected(address: Address, *tests: Masked) -> Rule:
    return Rule(tests, (Set("dst", address.value), Return()), None, address.span)
