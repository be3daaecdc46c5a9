"""Colour, on terminals only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TextIO

_CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


@dataclass(frozen=True, slots=True)
class Style:
    """How to stress words in one stream. NO_COLOR is honoured (no-color.org)."""

    on: bool

    @classmethod
    def of(cls, out: TextIO) -> Style:
        return cls(out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb")

    def colour(self, text: str, name: str) -> str:
        return f"\x1b[1;{_CODES[name]}m{text}\x1b[0m" if self.on else text

    def bold(self, text: str) -> str:
        return f"\x1b[{_CODES['bold']}m{text}\x1b[0m" if self.on else text

    def dim(self, text: str) -> str:
        return f"\x1b[{_CODES['dim']}m{text}\x1b[0m" if self.on else text
