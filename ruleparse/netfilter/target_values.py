"""Codecs that targets share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ruleparse.codec import Codec, address, integer, interface


def checked(syntax: str, check: Callable[[str], object]) -> Codec[str]:
    """Text that is kept as it is once `check` has found nothing wrong with it."""

    def parse(text: str) -> str:
        check(text)
        return text

    return Codec(syntax, parse)


ADDRESS = checked("address", address)
DEVICE = checked("interface", interface)


def numbered(bits: int, known: Mapping[str, int]) -> Codec[int]:
    """A number of so many bits, or its name; printed as a number."""

    def parse(text: str) -> int:
        return known[text] if text in known else integer(text, 0, (1 << bits) - 1)

    return Codec("number|name", parse)


def number_or(word: str, bits: int) -> Codec[int | str]:
    """A number of so many bits, or one word."""
    return Codec(f"number|{word}", lambda text: text if text == word else integer(text, 0, (1 << bits) - 1))


def _parse_set(name: str, directions: str) -> tuple[str, tuple[str, ...]]:
    words = tuple(directions.split(","))
    if wrong := [w for w in words if w not in ("src", "dst")]:
        raise ValueError(f"{wrong[0]!r} is neither src nor dst")
    return name, words


SET_WITH_DIRECTIONS: Codec[tuple[str, tuple[str, ...]]] = Codec(
    "name src|dst[,src|dst…]", _parse_set, lambda value: f"{value[0]} {','.join(value[1])}", words=2
)
