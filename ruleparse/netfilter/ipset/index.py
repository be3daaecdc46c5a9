"""The members of a set, ready to be looked up: by hashing for known numbers, as a decision diagram for unknown ones.

A member is one number, its dimensions side by side. Members with the same masks are one group; a set of networks tries
its groups from the longest prefix on (net/netfilter/ipset/ip_set_hash_gen.h, mtype_test_cidrs).
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from typing import NamedTuple

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.codec import ALL_ONES, integer, prefix_mask
from ruleparse.netfilter.ipset.elements import PHYSICAL, Part, address, parts_of
from ruleparse.netfilter.ipset.model import IpSet, entry_options
from ruleparse.netfilter.ipset.types import Dimension
from ruleparse.text import Diagnostic, Span


class Membership(NamedTuple):
    """Whether a member matched, and whether one marked `nomatch` did, which ends the search."""

    matched: Bool
    nomatch: Bool


NOT_IN = Membership(False, False)


class Keys:
    """Numbers, and whether a number is among them under a mask."""

    def __init__(self, mask: int) -> None:
        self.mask = mask
        self.places: dict[int, int] = {}
        """where each stands in the text"""

    @cached_property
    def _sorted(self) -> list[int]:
        return sorted(self.places)

    @cached_property
    def _positions(self) -> list[int]:
        return [i for i in reversed(range(self.mask.bit_length())) if self.mask >> i & 1]

    def hold(self, n: Number) -> Bool:
        if isinstance(n, int):
            return n & self.mask in self.places
        return self._holds(n, 0, len(self._sorted), 0)

    def _holds(self, n: Number, low: int, high: int, depth: int) -> Bool:
        """Whether the bits of n from `depth` on are those of one of the keys `low` to `high`, which agree before."""
        rest = len(self._positions) - depth
        if low == high or high - low == 1 << rest:
            return low != high
        position = self._positions[depth]
        start = self._sorted[low] >> position + 1 << position + 1
        middle = bisect_left(self._sorted, start | 1 << position, low, high)
        b = bits.bit(n, position)
        if b is True:
            return self._holds(n, middle, high, depth + 1)
        if b is False:
            return self._holds(n, low, middle, depth + 1)
        return bits.pick(b, self._holds(n, middle, high, depth + 1), self._holds(n, low, middle, depth + 1))


class Group:
    """Members with the same masks."""

    def __init__(self, mask: int) -> None:
        self.match = Keys(mask)
        self.nomatch = Keys(mask)


class Index:
    """The members of one set. `bad` tells whether some could not be understood."""

    def __init__(self, subject: IpSet) -> None:
        self.subject = subject
        self.family = subject.family or 4
        self.widths = [d.width(self.family) for d in subject.dimensions]
        self.diagnostics: list[Diagnostic] = []
        self.by_interface = subject.dimensions == (Dimension.NET, Dimension.INTERFACE)
        self.interfaces = InterfaceMembers()
        self._groups: dict[tuple[tuple[int, ...], int], Group] = {}
        self._masks = masks_of(subject, self.family)
        self._last: tuple[Number, Membership] = (-1, NOT_IN)
        self._fill()
        self.groups = [group for _, group in sorted(self._groups.items(), key=lambda item: item[0])]

    @property
    def bad(self) -> bool:
        return bool(self.diagnostics)

    def find(self, n: Number) -> Membership:
        """Whether a packet whose dimensions make up `n` is in the set."""
        if isinstance(n, int):
            return self._find_known(n)
        if self._last[0] is not n:
            found = self.interfaces.find(n) if self.by_interface else self._find(n)
            self._last = (n, found)
        return self._last[1]

    def _find_known(self, n: int) -> Membership:
        if self.by_interface:
            return self.interfaces.find(n)
        for group in self.groups:
            if n & group.match.mask in group.match.places:
                return Membership(True, False)
            if n & group.nomatch.mask in group.nomatch.places:
                return Membership(False, True)
        return NOT_IN

    def _find(self, n: Number) -> Membership:
        matched: Bool = False
        nomatch: Bool = False
        for group in self.groups:
            still = bits.negate(bits.either(matched, nomatch))
            matched = bits.either(matched, bits.both(still, group.match.hold(n)))
            nomatch = bits.either(nomatch, bits.both(still, group.nomatch.hold(n)))
        return Membership(matched, nomatch)

    # Filling

    def _fill(self) -> None:
        if Dimension.SET in self.subject.dimensions:
            return
        one_kind = self.subject.dimensions in ((Dimension.IP,), (Dimension.NET,))
        add = self._add_address if one_kind and not any(self._masks) else self._add
        for element, options, at in self.subject.elements():
            try:
                add(element, entry_options(options), at)
            except ValueError as error:
                self._problem(str(error), at, len(element))

    def _problem(self, message: str, at: int, length: int) -> None:
        source = self.subject.stretches[0].source
        name = self.subject.name
        span = Span(source, at, at + length)
        self.diagnostics.append(Diagnostic("syntax", "error", f"member of set {name}: {message}", span))

    def _add_address(self, element: str, options: dict[str, str], at: int) -> None:
        """The commonest members, quickly: one address or network."""
        base, slash, length = element.partition("/")
        if "-" in base:
            self._add(element, options, at)
            return
        size = self.widths[0]
        number = int(length) if slash else size
        mask = ALL_ONES[self.family] if number == size else prefix_mask(number, self.family)
        self._put(address(base, self.family) & mask, mask, (-number,), options, at)

    def _add(self, element: str, options: dict[str, str], at: int) -> None:
        for parts in parts_of(element, self.subject.dimensions, self.family):
            if self.by_interface:
                self.interfaces.add(parts[0], _named(parts[1], options), "nomatch" in options)
            else:
                value, mask = self._joined(parts)
                self._put(value & mask, mask, tuple(-p.length for p in parts), options, at)

    def _joined(self, parts: tuple[Part, ...]) -> tuple[int, int]:
        value = mask = 0
        for part, width, limit in zip(parts, self.widths, self._masks, strict=True):
            value = value << width | part.value
            mask = mask << width | (part.mask if limit is None else part.mask & limit)
        return value, mask

    def _put(self, value: int, mask: int, order: tuple[int, ...], options: dict[str, str], at: int) -> None:
        key = (order, mask)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(mask)
        (group.nomatch if "nomatch" in options else group.match).places[value] = at


def masks_of(subject: IpSet, family: int) -> list[int | None]:
    """What the set's own options leave of each dimension: `netmask 24`, `bitmask 255.0.255.0`, `markmask 0xff`."""
    options, own = subject.options, None
    if "netmask" in options:
        text = options["netmask"]
        own = prefix_mask(int(text), family) if text.isdecimal() else address(text, family)
    elif "bitmask" in options:
        own = address(options["bitmask"], family)
    mark = integer(options["markmask"]) if "markmask" in options else None
    addresses = (Dimension.IP, Dimension.NET)
    return [own if d in addresses else mark if d is Dimension.MARK else None for d in subject.dimensions]


def _named(part: Part, options: dict[str, str]) -> Part:
    """The interface of a member; `wildcard` makes its name the start of one."""
    if "wildcard" not in options or part.length == PHYSICAL:
        return part
    used = (128 - (part.value & -part.value).bit_length() + 1 + 7) // 8 * 8 if part.value else 0
    return Part(part.value, (1 << used) - 1 << 128 - used)


class InterfaceMembers:
    """Members of hash:net,iface. The longest network that holds the address decides, whatever its interfaces are:
    once its members were met, shorter ones are not tried (`multi` in mtype_test_cidrs)."""

    def __init__(self) -> None:
        self.by_length: dict[int, dict[int, list[tuple[Part, bool]]]] = {}
        self.masks: dict[int, int] = {}

    def add(self, network: Part, name: Part, nomatch: bool) -> None:
        self.masks[network.length] = network.mask
        self.by_length.setdefault(network.length, {}).setdefault(network.value, []).append((name, nomatch))

    def find(self, n: Number) -> Membership:
        """`n` is an address above an interface."""
        if isinstance(n, int):
            return self._find_known(n >> 128, n & (1 << 128) - 1)
        return self._find(bits.number(n[128:]), bits.number(n[:128]))

    def _find_known(self, where: int, came_by: Number) -> Membership:
        for length in self._lengths:
            if members := self.by_length[length].get(where & self.masks[length]):
                flags = (flag for name, flag in members if _is_named(name, came_by) is True)
                flag = next(flags, None)
                return NOT_IN if flag is None else Membership(not flag, flag)
        return NOT_IN

    def _find(self, where: Number, came_by: Number) -> Membership:
        answers: dict[bool, Bool] = {False: False, True: False}
        left: Bool = True
        for networks_by_name in self._networks:
            here: Bool = False
            for (name, flag), networks in networks_by_name.items():
                inside = networks.hold(where)
                still = bits.without(left, bits.either(answers[True], answers[False]))
                answers[flag] = bits.either(answers[flag], bits.all_of((still, inside, _is_named(name, came_by))))
                here = bits.either(here, inside)
            left = bits.without(left, here)
        return Membership(answers[False], answers[True])

    @cached_property
    def _lengths(self) -> list[int]:
        return sorted(self.by_length, reverse=True)

    @cached_property
    def _networks(self) -> list[dict[tuple[Part, bool], Keys]]:
        """The networks of each length, the longest first, by the interfaces they go with."""
        found: list[dict[tuple[Part, bool], Keys]] = []
        for length in self._lengths:
            by_name: dict[tuple[Part, bool], Keys] = {}
            for value, members in self.by_length[length].items():
                for member in members:
                    by_name.setdefault(member, Keys(self.masks[length])).places[value] = 0
            found.append(by_name)
        return found


def _is_named(name: Part, came_by: Number) -> Bool:
    return name.length != PHYSICAL and bits.equal_masked(came_by, name.value, name.mask)
