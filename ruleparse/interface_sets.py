"""Sets of interface names, told by the names and `+` patterns that make them up or that they leave out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ruleparse.codec import INTERFACE_BYTES, interface_name
from ruleparse.text import printable

Cube = tuple[int, int]
"""(value, mask): the numbers n with n & mask == value."""

_BITS = 8 * INTERFACE_BYTES
_FULL = (1 << _BITS) - 1


def show_interfaces(cubes: Sequence[Cube], others: Sequence[Cube]) -> str:
    """The names in `cubes`, all other names being in `others`: `eth0,cali+`, or `cali+ except cali12`."""
    if all(_pattern(c) is not None for c in cubes):
        return ",".join(_words(cubes))
    start = _common_start(cubes)
    inside = [c for c in others if _starts_with(c, start)]
    if all(_pattern(c) is not None for c in inside):
        inside = [c for c in inside if c[0]]
        whole = f"{start.decode('utf-8', 'surrogateescape')}+" if start else "any"
        if not inside and not start:
            return ""
        return f"{whole} except {','.join(_words(inside))}" if inside else whole
    return ",".join(f"{value:#x}/{mask:#x}" for value, mask in cubes)


def _words(cubes: Iterable[Cube]) -> list[str]:
    return sorted({printable(p) or "none" for c in cubes if (p := _pattern(c)) is not None})


def _pattern(cube: Cube) -> str | None:
    """A cube as a name or a pattern of whole bytes, None if it is neither."""
    value, mask = cube
    free = (_FULL ^ mask).bit_length()
    if mask == _FULL:
        return interface_name(value)
    if free % 8 or mask != _FULL ^ ((1 << free) - 1) or free == _BITS:
        return None
    return (
        value.to_bytes(INTERFACE_BYTES, "big")[: INTERFACE_BYTES - free // 8].decode("utf-8", "surrogateescape") + "+"
    )


def _common_start(cubes: Sequence[Cube]) -> bytes:
    """The bytes that all names of some cubes start with."""
    starts = [_known_bytes(c) for c in cubes]
    shortest = min(starts, key=len)
    length = next((i for i, byte in enumerate(shortest) if any(s[i] != byte for s in starts)), len(shortest))
    return shortest[:length]


def _known_bytes(cube: Cube) -> bytes:
    value, mask = cube
    known = (_BITS - (_FULL ^ mask).bit_length()) // 8
    return value.to_bytes(INTERFACE_BYTES, "big")[:known]


def _starts_with(cube: Cube, start: bytes) -> bool:
    return cube[0].to_bytes(INTERFACE_BYTES, "big").startswith(start)
