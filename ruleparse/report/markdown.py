"""Text in Markdown: what stands in a dump must not become markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ruleparse.text import printable


def plain(text: str) -> str:
    return "".join(f"\\{ch}" if ch in r"\`*_{}[]<>|#" else ch for ch in printable(text))


def code(text: str) -> str:
    return f"`{printable(text).replace('`', chr(0x2BC))}`"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
