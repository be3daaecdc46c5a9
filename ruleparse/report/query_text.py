"""An answer of `query` for people: every set of packets with its fate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from ruleparse.query.host import Answer
from ruleparse.report.sets_text import SetsWriter, amount
from ruleparse.report.why_text import question_in_words

_MOST_SETS = 20


def write_query(answer: Answer, out: TextIO, *, verbose: bool = False, width: int | None = None) -> None:
    """`width` in columns; that of the terminal if not given."""
    writer = SetsWriter.of(out, width, verbose)
    out.write("\n".join(_lines(answer, writer)) + "\n")


def _lines(answer: Answer, writer: SetsWriter) -> Iterator[str]:
    yield f"{writer.style.bold(question_in_words(answer.asked))}   {amount(answer.count)}"
    if not answer.sets:
        yield ""
        yield "none of them"
    shown = answer.sets if writer.verbose else answer.sets[:_MOST_SETS]
    for p in shown:
        yield ""
        yield f"{writer.fate(p)}   {writer.style.dim(amount(p.count))}"
        yield from writer.rewrites(p)
        yield from writer.conditions(p)
        yield from writer.decision(p, "  ")
        yield from writer.example(p)
        yield from writer.explanation(p)
    if len(answer.sets) > len(shown):
        yield ""
        yield f"… and {len(answer.sets) - len(shown)} more sets (--verbose)"
