"""Rates as `limit` and `hashlimit` write them; the kernel keeps the time between two packets, in whole units."""

from __future__ import annotations

from collections.abc import Callable

from ruleparse.codec import Codec, integer
from ruleparse.packet import Packet

_UNITS = {"sec": 1, "min": 60, "hour": 3600, "day": 86400}


def _unit(word: str) -> int:
    """A unit may be cut short: `/s`, `/minute`."""
    for name, seconds in (("second", 1), ("minute", 60), *_UNITS.items()):
        if word and name.startswith(word):
            return seconds
    raise ValueError(f"{word!r} is not a unit of time ({', '.join(_UNITS)})")


def _parse(text: str, scale: int) -> int:
    amount, slash, unit = text.partition("/")
    per = _unit(unit.lower()) if slash else 1
    return scale * per // integer(amount, 1, scale * per)


def _show(period: int, scale: int) -> str:
    """In the longest unit that loses least (print_rate of libxt_limit.c)."""
    names = list(reversed(_UNITS))
    best = 0
    for i, name in enumerate(names[1:], 1):
        size = _UNITS[name] * scale
        if period > size or size // period < size % period:
            break
        best = i
    return f"{_UNITS[names[best]] * scale // period}/{names[best]}"


def rate(scale: int) -> Codec[int]:
    """`5/min`, `10/second`, `100`; `scale` is how many units of time make a second."""
    return Codec("number[/sec|min|hour|day]", lambda text: _parse(text, scale), lambda period: _show(period, scale))


def bucket(burst: int) -> Callable[[int | None, Packet], tuple[bool, int]]:
    """What a packet finds, and leaves: the bucket is full at first; nothing is refilled while no time passes."""

    def take(left: int | None, _: Packet) -> tuple[bool, int]:
        tokens = burst if left is None else left
        return tokens > 0, max(tokens - 1, 0)

    return take
