"""Values as they are written: text -> value -> text."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Generic, TypeVar

from ruleparse.protocols import PROTOCOLS
from ruleparse.text import printable

V = TypeVar("V")

ALL_ONES = {4: (1 << 32) - 1, 6: (1 << 128) - 1}


@dataclass(frozen=True, slots=True)
class Codec(Generic[V]):
    """How one kind of value is written. `parse` takes its words and raises ValueError with a plain sentence."""

    syntax: str
    parse: Callable[..., V]
    show: Callable[[V], str] = str
    words: int = 1
    optional: bool = False
    """whether an option may stand without any of its words"""


@dataclass(frozen=True, slots=True)
class Prefix:
    """An address under a mask, both integers; `family` is 4 or 6. A mask need not be a prefix."""

    value: int
    mask: int
    family: int

    def __str__(self) -> str:
        return show_prefix(self)


@lru_cache(1 << 16)
def address(text: str) -> int:
    """The number of an IPv4 or IPv6 address."""
    try:
        packed = socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text.strip("[]"))
    except (OSError, ValueError):
        raise ValueError(f"{printable(text)!r} is not an address") from None
    return int.from_bytes(packed, "big")


def ipv4_addresses(texts: Sequence[str]) -> Sequence[int]:
    """The numbers of many IPv4 addresses."""
    try:
        packed = b"".join(map(socket.inet_pton, repeat(socket.AF_INET), texts))
    except (OSError, ValueError):
        return [address(text) for text in texts]
    return struct.unpack(f"!{len(texts)}I", packed)


def show_address(value: int, family: int) -> str:
    """An address as the kernel prints it."""
    kind, octets = (socket.AF_INET, 4) if family == 4 else (socket.AF_INET6, 16)
    return socket.inet_ntop(kind, value.to_bytes(octets, "big"))


def plain_address(value: int, family: int) -> str:
    """An address as programs compare it: no IPv6 address ends like an IPv4 one (RFC 5952, section 4)."""
    head, _, octets = show_address(value, family).rpartition(":")
    if family == 4 or "." not in octets:
        return show_address(value, family)
    return f"{head}:{value >> 16 & 0xFFFF:x}:{value & 0xFFFF:x}"


def prefix_mask(length: int, family: int) -> int:
    size = 32 if family == 4 else 128
    if not 0 <= length <= size:
        raise ValueError(f"/{length} is longer than an address")
    return ALL_ONES[family] ^ ((1 << size - length) - 1)


@lru_cache(1 << 16)
def prefix(text: str) -> Prefix:
    """`10.0.0.0/8`, `10.0.0.1/255.0.0.255`, `fd00::/8`, or a bare address."""
    base, slash, mask_text = text.partition("/")
    family = 6 if ":" in base else 4
    value = address(base)
    if not slash:
        mask = ALL_ONES[family]
    elif mask_text.isdecimal():
        mask = prefix_mask(int(mask_text), family)
    else:
        mask = address(mask_text)
    return Prefix(value & mask, mask, family)


def prefix_length(mask: int, family: int) -> int | None:
    """The length of a mask that is a prefix, else None."""
    inverse = ALL_ONES[family] ^ mask
    return None if inverse & (inverse + 1) else (32 if family == 4 else 128) - inverse.bit_length()


def show_prefix(p: Prefix) -> str:
    """As iptables-save prints it: always with its mask."""
    length = prefix_length(p.mask, p.family)
    mask = length if length is not None else show_address(p.mask, p.family)
    return f"{show_address(p.value, p.family)}/{mask}"


def integer(text: str, low: int = 0, high: int = (1 << 64) - 1) -> int:
    """A decimal, `0x` or octal number within bounds."""
    try:
        octal = len(text) > 1 and text[0] == "0" and text.isdecimal()
        value = int(text, 8) if octal else int(text, 0)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not low <= value <= high:
        raise ValueError(f"{text} is not between {low} and {high}")
    return value


Range = tuple[int, int]


def number_range(text: str, high: int, separator: str = ":", names: Mapping[str, int] | None = None) -> Range:
    """`80`, `1024:65535`, `:80`, `80:`; both ends included."""

    def one(word: str) -> int:
        return names[word] if names and word in names else integer(word, 0, high)

    low_text, found, high_text = text.partition(separator)
    if not found:
        return (one(text), one(text))
    return (one(low_text) if low_text else 0, one(high_text) if high_text else high)


def show_range(r: Range, separator: str = ":") -> str:
    return str(r[0]) if r[0] == r[1] else f"{r[0]}{separator}{r[1]}"


INTERFACE_BYTES = 16


def interface(name: str) -> int:
    """An interface's name as a number of 16 bytes, padded with zeros (IFNAMSIZ, linux/if.h)."""
    data = name.encode("utf-8", "surrogateescape")
    if len(data) >= INTERFACE_BYTES:
        raise ValueError(f"interface name {name!r} is longer than 15 bytes")
    return int.from_bytes(data.ljust(INTERFACE_BYTES, b"\0"), "big")


def interface_name(value: int) -> str:
    return value.to_bytes(INTERFACE_BYTES, "big").rstrip(b"\0").decode("utf-8", "surrogateescape")


def interface_pattern(name: str) -> tuple[int, int]:
    """(value, mask) of a name; a `+` at its end stands for anything."""
    if not name.endswith("+"):
        return interface(name), (1 << 8 * INTERFACE_BYTES) - 1
    start = name[:-1].encode("utf-8", "surrogateescape")
    if len(start) >= INTERFACE_BYTES:
        raise ValueError(f"interface name {name!r} is longer than 15 bytes")
    rest = 8 * (INTERFACE_BYTES - len(start))
    return int.from_bytes(start, "big") << rest, ((1 << 8 * len(start)) - 1) << rest


def mac(text: str) -> int:
    """An Ethernet address as a number of 48 bits."""
    parts = text.split(":")
    if len(parts) != 6 or not all(len(p) in (1, 2) for p in parts):
        raise ValueError(f"{text!r} is not a MAC address")
    try:
        return int("".join(p.rjust(2, "0") for p in parts), 16)
    except ValueError:
        raise ValueError(f"{text!r} is not a MAC address") from None


def show_mac(value: int) -> str:
    return ":".join(f"{value >> shift & 255:02x}" for shift in range(40, -8, -8))


def masked_number(text: str, bits: int = 32) -> tuple[int, int]:
    """`0x1/0xff` or `0x1`: (value, mask)."""
    high = (1 << bits) - 1
    value, slash, mask = text.partition("/")
    return integer(value, 0, high), integer(mask, 0, high) if slash else high


def show_masked(pair: tuple[int, int], bits: int = 32) -> str:
    value, mask = pair
    return f"{value:#x}" if mask == (1 << bits) - 1 else f"{value:#x}/{mask:#x}"


_PROTOCOL_NAMES = {n: name for name, n in reversed(PROTOCOLS.items())}


def protocol(text: str) -> int:
    """A protocol's number from its name in /etc/protocols or its number; `all` is 0."""
    lower = text.lower()
    return 0 if lower == "all" else PROTOCOLS[lower] if lower in PROTOCOLS else integer(text, 0, 255)


def show_protocol(value: int) -> str:
    return _PROTOCOL_NAMES.get(value, str(value))
