"""Codecs and keys that several matches and targets share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.codec import (
    ALL_ONES,
    Codec,
    Prefix,
    Range,
    integer,
    mac,
    masked_number,
    number_range,
    prefix,
    show_address,
    show_mac,
    show_masked,
    show_prefix,
    show_range,
)
from ruleparse.netfilter.services import SERVICES
from ruleparse.packet import FIELDS, Packet
from ruleparse.program import Key, Masked, Test, World


def _ports(text: str) -> Range:
    return number_range(text, 0xFFFF, names=SERVICES)


_ALL = (1 << 32) - 1
TEXT: Codec[str] = Codec("text", str)
PORTS: Codec[Range] = Codec("port[:port]", _ports, show_range)
MARK: Codec[tuple[int, int]] = Codec("value[/mask]", masked_number, show_masked)
PREFIX = Codec("address[/mask]", prefix, show_prefix)
MAC = Codec("xx:xx:xx:xx:xx:xx", mac, show_mac)


def _host(p: Prefix) -> str:
    return show_address(p.value, p.family) if p.mask == ALL_ONES[p.family] else show_prefix(p)


HOST_PREFIX = Codec("address[/mask]", prefix, _host)
"""As extensions print it: a host without its length."""


def whole(bits_: int) -> Codec[int]:
    """A number of so many bits."""
    return Codec("number", lambda text: integer(text, 0, (1 << bits_) - 1))


def hexadecimal(bits_: int, digits: int = 0) -> Codec[int]:
    """A number that is printed as `0x…`, with so many digits at least."""
    return Codec("0xnumber", lambda text: integer(text, 0, (1 << bits_) - 1), lambda value: f"0x{value:0{digits}x}")


def span_of(bits_: int) -> Codec[Range]:
    """`low:high` or one number, of so many bits."""
    return Codec("number[:number]", lambda text: number_range(text, (1 << bits_) - 1), show_range)


def one_of(names: Mapping[str, int]) -> Codec[int]:
    """One of some words, in any case."""
    words = {name.lower(): value for name, value in names.items()}
    shown = {value: name for name, value in reversed(list(names.items()))}

    def parse(text: str) -> int:
        if text.lower() not in words:
            raise ValueError(f"{text} is not one of {', '.join(names)}")
        return words[text.lower()]

    return Codec("|".join(names), parse, lambda value: shown[value])


def bit_names(names: Mapping[str, int], none: str = "NONE") -> Codec[int]:
    """A comma list of names of bits, in any case; `none` is how no bit is shown."""
    word = one_of(names)

    def parse(text: str) -> int:
        value = 0
        for name in text.split(","):
            value |= word.parse(name)
        return value

    def show(value: int) -> str:
        return ",".join(name for name, bit in names.items() if value & bit) or none

    return Codec("NAME[,NAME…]", parse, show)


def in_range(field: str) -> Callable[[Range, Packet, World], Bool]:
    """Whether a field lies in a range, both ends included; reversed ranges hold nothing."""

    def means(value: Range, packet: Packet, _: World) -> Bool:
        return bits.between(packet[field], *value)

    return means


def is_equal(field: str) -> Callable[[int, Packet, World], Bool]:
    def means(value: int, packet: Packet, _: World) -> Bool:
        return bits.equal_masked(packet[field], value, -1)

    return means


def is_masked(field: str) -> Callable[[tuple[int, int], Packet, World], Bool]:
    """field & mask == value"""

    def means(value: tuple[int, int], packet: Packet, _: World) -> Bool:
        return bits.equal_masked(packet[field], *value)

    return means


class NamedMask(NamedTuple):
    """A value under a mask, and its name where it was written by name."""

    value: int
    mask: int
    name: str = ""


def named_mask(names: Mapping[str, int]) -> Codec[NamedMask]:
    """`0x1/0xff`, or one of the names that a file under /etc/iproute2 gives to values."""

    def parse(text: str) -> NamedMask:
        return NamedMask(names[text], _ALL, text) if text in names else NamedMask(*masked_number(text))

    return Codec("value[/mask]|name", parse, lambda v: v.name or show_masked((v.value, v.mask)))


def masked_test(field: str) -> Callable[[tuple[int, int] | NamedMask, bool], Masked]:
    """Builds the test of an option whose value is (value, mask): field & mask == value."""

    def build(value: tuple[int, int] | NamedMask, negated: bool) -> Masked:
        return Masked(field, value[0], value[1], negated)

    return build


def joined(packet: Packet, fields: Iterable[str]) -> Number:
    """Several fields as one number, for questions about all of them."""
    one: list[Bool] = []
    for field in fields:
        value = packet[field]
        one += [bits.bit(value, i) for i in range(FIELDS[field].width)]
    return bits.number(one)


def range_key(field: str, words: str, codec: Codec[Any]) -> Key:
    return Key((field,), codec, in_range(field), words)


SPORT = range_key("sport", "source port {}", PORTS)
DPORT = range_key("dport", "destination port {}", PORTS)


def _differ(value: tuple[str, str], packet: Packet, _: World) -> Bool:
    now, before = packet[value[0]], packet[value[1]]
    if packet.unknowns.is_made_up(now):
        return True
    return bits.negate(bits.equal(now, before))


_DIFFER = Key(("differ",), Codec("field field", str), _differ, "{} changed")


def differs(a: str, b: str) -> Test:
    """A test that a field is not what it was; a number picked at random never is (once in 65,536 times it may be)."""
    return Test(_DIFFER, (a, b))


def any_of_bits(field: str, mask: int) -> Masked:
    """A test that a field has any bit of a mask."""
    return Masked(field, 0, mask, negated=True)
