"""How values of match fields are written: text -> (value, mask) -> text (lib/match.c, lib/meta-flow.c, lib/flow.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

from ruleparse.codec import address, integer, ipv4_addresses, mac, prefix_length, show_address, show_mac

Masked = tuple[int, int]
"""value and mask; a bit that the mask leaves out is 0 in the value"""


@dataclass(frozen=True, slots=True)
class Format:
    """How one kind of value is written. `parse` takes text and width in bits, and raises ValueError."""

    syntax: str
    parse: Callable[[str, int], Masked]
    show: Callable[[int, int, int], str]
    whole: Callable[[Sequence[str]], Sequence[int]] | None = None
    """reads many values that have no mask at once, which is quicker"""


def full(width: int) -> int:
    return (1 << width) - 1


def number(text: str) -> int:
    """A decimal or `0x` number; unlike elsewhere a leading 0 is not octal where OVS prints it."""
    return integer(text, 0, (1 << 1024) - 1)


def numbers(texts: Sequence[str]) -> Sequence[int]:
    """Many numbers."""
    try:
        return list(map(int, texts, repeat(0)))
    except ValueError:
        return [number(text) for text in texts]


def _numbers(one: Callable[[str], int]) -> Callable[[str, int], Masked]:
    def parse(text: str, width: int) -> Masked:
        value, slash, mask_text = text.partition("/")
        mask = one(mask_text) if slash else full(width)
        found = one(value)
        if found > full(width) or mask > full(width):
            raise ValueError(f"{text} does not fit into {width} bits")
        return found & mask, mask

    return parse


def hexadecimal(value: int) -> str:
    """As C prints `%#x`."""
    return f"{value:#x}" if value else "0"


def _show_hex(value: int, mask: int, width: int) -> str:
    return hexadecimal(value) if mask == full(width) else f"{hexadecimal(value)}/{hexadecimal(mask)}"


def _show_hex_always(value: int, mask: int, width: int) -> str:
    return f"{value:#x}" if mask == full(width) else f"{value:#x}/{mask:#x}"


def _show_decimal(value: int, mask: int, width: int) -> str:
    return str(value) if mask == full(width) else f"{value:#x}/{mask:#x}"


def _padded(digits: int) -> Callable[[int, int, int], str]:
    def show(value: int, mask: int, width: int) -> str:
        text = f"0x{value:0{digits}x}"
        return text if mask == full(width) else f"{text}/0x{mask:0{digits}x}"

    return show


HEX = Format("N[/MASK]", _numbers(number), _show_hex, numbers)
DECIMAL = Format("N[/MASK]", _numbers(number), _show_decimal, numbers)
HEX4 = Format("N[/MASK]", _numbers(number), _padded(4))
HEX5 = Format("N[/MASK]", _numbers(number), _padded(5))
GBP = Format(
    "N[/MASK]", _numbers(number), lambda v, m, w: _show_decimal(v, m, w) if m == full(w) else _show_hex_always(v, m, w)
)

VLAN_VID = Format("N", lambda text, _: _numbers(number)(text, 13), lambda v, m, _: _show_decimal(v, m, 13))
"""With bit 12, which says that there is a tag."""


def _macs(text: str, _: int) -> Masked:
    value, slash, mask_text = text.partition("/")
    mask = mac(mask_text) if slash else full(48)
    return mac(value) & mask, mask


MAC = Format("MAC[/MASK]", _macs, lambda v, m, w: show_mac(v) if m == full(w) else f"{show_mac(v)}/{show_mac(m)}")


def _addresses(family: int) -> Format:
    size = 32 if family == 4 else 128
    whole = full(size)

    def parse(text: str, _: int) -> Masked:
        value, slash, mask_text = text.partition("/")
        mask = whole
        if slash:
            length = int(mask_text) if mask_text.isdecimal() else None
            if length is not None and length > size:
                raise ValueError(f"/{length} is longer than an address")
            mask = address(mask_text) if length is None else whole ^ full(size - length)
        if (":" in value) is not (family == 6):
            raise ValueError(f"{value} is no IPv{family} address")
        return address(value) & mask, mask

    def show(value: int, mask: int, _: int) -> str:
        if mask == whole:
            return show_address(value, family)
        length = prefix_length(mask, family)
        return f"{show_address(value, family)}/{show_address(mask, family) if length is None else length}"

    return Format("ADDR[/MASK]", parse, show, ipv4_addresses if family == 4 else None)


IPV4, IPV6 = _addresses(4), _addresses(6)

_SIGNED = re.compile(r"([+-])([a-z]+|\[\d+\])").findall


def flags(names: Sequence[str], *, plus: bool = False) -> Format:
    """`+a-b` for some, `a|b` for all of them; bit 0 has the first name. `plus`: also all of them are signed."""
    bits = {name: 1 << i for i, name in enumerate(names)}

    def bit(name: str) -> int:
        if name.startswith("["):
            return 1 << int(name[1:-1])
        if name not in bits:
            raise ValueError(f"{name} is not one of {', '.join(names)}")
        return bits[name]

    def parse(text: str, width: int) -> Masked:
        if text[:1] in "+-":
            found = _SIGNED(text)
            if "".join(sign + name for sign, name in found) != text:
                raise ValueError(f"{text} is not a row of +flag and -flag")
            mask = sum(bit(name) for _, name in found)
            return sum(bit(name) for sign, name in found if sign == "+"), mask
        if text[:1].isdecimal():
            return HEX.parse(text, width)
        return sum(bit(name) for name in re.split(r"[|,]", text) if name), full(width)

    def show(value: int, mask: int, width: int) -> str:
        listed = dict(bits)
        listed |= {f"[{i}]": 1 << i for i in range(len(names), width)}
        if mask == full(width) and not plus:
            return "|".join(n for n, b in listed.items() if value & b) or "0"
        return "".join(("+" if value & b else "-") + n for n, b in listed.items() if mask & b) or "0"

    return Format("+FLAG-FLAG | FLAG|FLAG", parse, show)


CT_STATES = ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat")
TCP_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns")
TUN_FLAGS = ("df", "csum", "key", "oam")


def choice(values: Mapping[str, Masked]) -> Format:
    """One of some words; or a number."""
    names = {masked: name for name, masked in values.items()}

    def parse(text: str, width: int) -> Masked:
        return values[text] if text in values else HEX.parse(text, width)

    def show(value: int, mask: int, width: int) -> str:
        return names.get((value, mask)) or _show_hex(value, mask, width)

    return Format("|".join(values), parse, show)


FRAG = choice({"no": (0, 3), "yes": (1, 1), "first": (1, 3), "later": (3, 3), "not_later": (0, 2)})

PORTS = {
    "IN_PORT": 0xFFF8,
    "TABLE": 0xFFF9,
    "NORMAL": 0xFFFA,
    "FLOOD": 0xFFFB,
    "ALL": 0xFFFC,
    "CONTROLLER": 0xFFFD,
    "LOCAL": 0xFFFE,
    "NONE": 0xFFFF,
    "UNSET": 0xFFF7,
    "ANY": 0xFFFF,
}
"""Ports that OpenFlow itself names (lib/ofp-port.c)."""
PORT_NAMES = {n: name for name, n in reversed(PORTS.items())}


def _packet_type(text: str, _: int) -> Masked:
    found = re.fullmatch(r"\((\w+),(\w+)\)", text)
    if found is None:
        raise ValueError(f"{text} is not (NAMESPACE,TYPE)")
    return number(found[1]) << 16 | number(found[2]), full(32)


PACKET_TYPE = Format("(NS,TYPE)", _packet_type, lambda v, _m, _w: f"({v >> 16},{hexadecimal(v & 0xFFFF)})")
