"""What a packet puts into a set or takes out of it (ip_set_add, ip_set_del; net/netfilter/ipset/ip_set_hash_*.c).

A set changed like that is another set: the one that was saved stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as _replace

from ruleparse.bits import Number
from ruleparse.codec import interface_name, show_address
from ruleparse.netfilter.ipset.dimensions import read
from ruleparse.netfilter.ipset.elements import PORTED, Part, parts_of
from ruleparse.netfilter.ipset.index import masks_of
from ruleparse.netfilter.ipset.model import IpSet
from ruleparse.netfilter.ipset.types import Dimension
from ruleparse.packet import Packet
from ruleparse.text import Source, Span


class NotKnown(Exception):
    """What the packet changes cannot be said."""


def changed(
    sets: Mapping[str, IpSet], name: str, directions: Sequence[str], family: int, packet: Packet, *, add: bool
) -> dict[str, IpSet]:
    """The sets that are others after this; none if nothing changes. Raises NotKnown."""
    subject = sets.get(name)
    if subject is None or not subject.saved:
        raise NotKnown
    if subject.type == "list:set":
        return _changed_in_list(sets, subject, directions, family, packet, add=add)
    if len(directions) < len(subject.dimensions) or subject.family not in (None, family):
        return {}
    element = _element(subject, directions, family, packet)
    if element is None:
        return {}
    lines = _others(subject, element, family)
    there = len(lines) < sum(1 for _ in subject.elements())
    if add is there:
        return {}
    return {name: _with_lines(subject, [*lines, f"add {name} {element}"] if add else lines)}


def _changed_in_list(
    sets: Mapping[str, IpSet], subject: IpSet, directions: Sequence[str], family: int, packet: Packet, *, add: bool
) -> dict[str, IpSet]:
    """The first member in which something changes."""
    for member, _, _ in subject.elements():
        if found := changed(sets, member, directions, family, packet, add=add):
            return found
    return {}


def _others(subject: IpSet, element: str, family: int) -> list[str]:
    """The lines of a set without those of one element."""
    mine = _parts(subject, element, family)
    found = subject.elements()
    return [
        f"add {subject.name} {text}{options}" for text, options, _ in found if _parts(subject, text, family) != mine
    ]


def _parts(subject: IpSet, text: str, family: int) -> list[tuple[Part, ...]]:
    return list(parts_of(text, subject.dimensions, subject.family or family))


def _with_lines(subject: IpSet, lines: list[str]) -> IpSet:
    source = Source(f"set {subject.name} as rules changed it", "\n".join(lines) + "\n")
    return _replace(subject, stretches=[Span(source, 0, len(source.text))])


def _element(subject: IpSet, directions: Sequence[str], family: int, packet: Packet) -> str | None:
    """The packet's own element as it would be saved; None if it has none."""
    words = []
    for place, (dimension, direction) in enumerate(zip(subject.dimensions, directions, strict=False)):
        number, there = read(dimension, direction == "src", family, packet)
        if there is False:
            return None
        if there is not True or not isinstance(number, int):
            raise NotKnown
        words.append(_word(subject, place, number, family))
    return ",".join(words)


def _word(subject: IpSet, place: int, number: int, family: int) -> str:
    match subject.dimensions[place]:
        case Dimension.IP:
            return show_address(_masked(subject, number, family), family)
        case Dimension.NET:
            return f"{show_address(number, family)}/{_length(subject, place, family)}"
        case Dimension.PORT:
            proto, port = number >> 16, number & 0xFFFF
            return f"{proto}:{_behind(proto, port)}"
        case Dimension.INTERFACE:
            return interface_name(number)
        case Dimension.MAC:
            return ":".join(f"{octet:02x}" for octet in number.to_bytes(6, "big"))
        case _:
            return str(number)


def _behind(proto: int, port: int) -> str:
    return f"{port >> 8}/{port & 255}" if proto in (1, 58) else str(port if proto in PORTED else 0)


def _masked(subject: IpSet, number: Number, family: int) -> int:
    mask = masks_of(subject, family)[0]
    assert isinstance(number, int)
    return number if mask is None else number & mask


def _length(subject: IpSet, place: int, family: int) -> int:
    """As long as the longest network in the set (INIT_CIDR, ip_set_hash_gen.h)."""
    lengths = (parts[place].length for text, _, _ in subject.elements() for parts in _parts(subject, text, family))
    return max(lengths, default=32 if family == 4 else 128)
