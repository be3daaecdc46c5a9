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
