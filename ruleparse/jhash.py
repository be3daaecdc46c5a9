"""The hash that the kernel and Open vSwitch take of a few 32-bit words (include/linux/jhash.h, lib/jhash.c)."""

from __future__ import annotations

from collections.abc import Sequence

_START = 0xDEADBEEF
_WORD = (1 << 32) - 1


def _turn(word: int, by: int) -> int:
    return (word << by | word >> 32 - by) & _WORD


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for by in (4, 6, 8, 16, 19, 4):
        a = (a - c & _WORD) ^ _turn(c, by)
        c = c + b & _WORD
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for by in (14, 11, 25, 16, 4, 14, 24):
        c = (c ^ b) - _turn(b, by) & _WORD
        a, b, c = b, c, a
    return b


def jhash(words: Sequence[int], seed: int) -> int:
    """jhash2 of the words; for one word this is jhash_1word as well."""
    a = b = c = _START + (len(words) << 2) + seed & _WORD
    rest = list(words)
    while len(rest) > 3:
        a, b, c = _mix(a + rest[0] & _WORD, b + rest[1] & _WORD, c + rest[2] & _WORD)
        rest = rest[3:]
    if not rest:
        return c
    x, y, z = (*rest, 0, 0)[:3]
    return _final(a + x & _WORD, b + y & _WORD, c + z & _WORD)
