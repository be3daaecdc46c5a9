"""Which bucket a select group with `selection_method=hash` takes (lib/hash.h, ofproto-dpif-xlate.c).

Open vSwitch mixes bits as MurmurHash3 does, unless it was built for processors with CRC instructions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ruleparse.openflow.keys import FlowKey

_32 = 0xFFFFFFFF


def _rotated(x: int, by: int) -> int:
    return (x << by | x >> 32 - by) & _32


def _add(mixed: int, data: int) -> int:
    if data:
        data = _rotated(data * 0xCC9E2D51 & _32, 15)
        mixed ^= data * 0x1B873593 & _32
    return (_rotated(mixed, 13) * 5 + 0xE6546B64) & _32


def _finish(mixed: int, final: int) -> int:
    mixed ^= final
    mixed = (mixed ^ mixed >> 16) * 0x85EBCA6B & _32
    mixed = (mixed ^ mixed >> 13) * 0xC2B2AE35 & _32
    return mixed ^ mixed >> 16


def hash_words(words: Iterable[int], final: int, basis: int) -> int:
    """Some words of 32 bits, mixed."""
    mixed = basis
    for word in words:
        mixed = _add(mixed, word)
    return _finish(mixed, final)


def hash_bytes(data: bytes, basis: int) -> int:
    words = [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]
    return hash_words(words, len(data), basis)


def hash_int(value: int, basis: int) -> int:
    return hash_words([basis], 8, _add(value, 0))


def hash_fields(fields: Iterable[tuple[FlowKey, int]], parameter: int) -> int:
    """The hash of some fields' values, in the order in which OVS knows them."""
    basis = hash_words([parameter & _32, parameter >> 32], 8, 0)
    for key, value in fields:
        basis = hash_bytes(value.to_bytes((key.width + 7) // 8, "big"), basis)
    return basis


def best_bucket(buckets: Sequence[tuple[int, int]], basis: int) -> int | None:
    """Which of some buckets (id, weight) has the highest score; the last of equals, none without a weight."""
    best, highest = None, 0
    for index, (number, weight) in enumerate(buckets):
        score = (hash_int(number, basis) & 0xFFFF) * weight
        if weight and score >= highest:
            best, highest = index, score
    return best
