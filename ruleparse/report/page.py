"""The page that answers for people are written on: its width, its colours, and where lines break."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TextIO, TypeVar

from ruleparse.report.style import Style
from ruleparse.text import printable

T = TypeVar("T")
_NARROWEST = 40
_WIDTH = 100
"""where there is no terminal"""
_MOST_FATES = 8


@dataclass(frozen=True, slots=True)
class Page:
    """`columns` wide; `verbose` if nothing is to be cut."""

    style: Style
    columns: int
    verbose: bool

    @classmethod
    def of(cls, out: TextIO, width: int | None, verbose: bool) -> Self:
        """`width` in columns; that of the terminal if not given."""
        columns = width or shutil.get_terminal_size((_WIDTH, 24)).columns
        return cls(Style.of(out), max(_NARROWEST, columns), verbose)

    def wrap(self, text: str, indent: str, later: str | None = None) -> list[str]:
        """A text in lines; `later` indents all but the first, if they are not to be like it."""
        return textwrap.wrap(
            printable(text),
            self.columns,
            initial_indent=indent,
            subsequent_indent=indent if later is None else later,
            break_on_hyphens=False,
        )

    def fates(self, outcomes: Sequence[T], show: Callable[[T], Iterable[str]], more: str = "") -> Iterator[str]:
        """How many fates there are, and each; the first few if there are many, and `more` about the rest."""
        if len(outcomes) > 1:
            yield f"{len(outcomes)} possible fates:"
        shown = outcomes if self.verbose else outcomes[:_MOST_FATES]
        for outcome in shown:
            yield ""
            yield from show(outcome)
        if len(outcomes) > len(shown):
            yield ""
            yield f"… and {len(outcomes) - len(shown)} more fates (--verbose){more}"
