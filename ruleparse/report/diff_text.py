"""An answer of `diff` for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from ruleparse.changes.counters import Counters
from ruleparse.changes.host import Change, Difference
from ruleparse.report.counters_words import MOST_MOVED, moved_by, packets_of
from ruleparse.report.diff_words import headline, past
from ruleparse.report.sets_text import SetsWriter, amount

_COLOURS = {"accept": "green", "drop": "red", "reject": "red", "controller": "yellow"}


def write_diff(answer: Difference, out: TextIO, *, verbose: bool = False, width: int | None = None) -> None:
    """`width` in columns; that of the terminal if not given."""
    out.write("\n".join(_lines(answer, SetsWriter.of(out, width, verbose))) + "\n")


def _lines(answer: Difference, writer: SetsWriter) -> Iterator[str]:
    for note in answer.notes:
        yield from writer.wrap(note, "")
    yield from _changes(answer, writer)
    if answer.counters is not None:
        yield ""
        yield from _counters(answer.counters, writer)


def _changes(answer: Difference, writer: SetsWriter) -> Iterator[str]:
    if not answer.changes:
        yield "no packet changes fate"
        return
    count = len(answer.changes)
    yield f"{count} set{'' if count == 1 else 's'} of packets change{'s' if count == 1 else ''} fate"
    for change in answer.changes:
        yield ""
        yield from _change(change, writer)


def _change(c: Change, writer: SetsWriter) -> Iterator[str]:
    odds = f", {100 * c.after.probability:.3g} % of them, by chance" if c.after.probability < 1 else ""
    verdict, comma, where = headline(c).partition(",")
    title = writer.style.colour(verdict.upper() + comma + where, _COLOURS[c.after.verdict])
    yield f"{title}   {writer.style.dim(amount(c.after.count) + odds)}"
    yield from writer.conditions(c.after)
    if c.local:
        yield "  sent by this node"
    yield f"  {past(c.before)}"
    yield from writer.rewrites(c.before)
    yield from writer.decision(c.before, "    ")
    yield f"  {headline(c)}"
    yield from writer.rewrites(c.after)
    yield from writer.decision(c.after, "    ")
    yield from writer.example(c.after)
    for name, side in (("before", c.before), ("after", c.after)):
        for sentence in side.explanation:
            yield from writer.wrap(f"{name}: {sentence}", "    ", "      ")


def _counters(counters: Counters, writer: SetsWriter) -> Iterator[str]:
    count = len(counters.moved)
    yield f"the counters of {count} rule{'' if count == 1 else 's'} moved" if count else "no counter moved"
    for note in counters.notes:
        yield from writer.wrap(note, "  ", "    ")
    shown = counters.moved if writer.verbose else counters.moved[:MOST_MOVED]
    for m in shown:
        yield ""
        yield f"  {moved_by(m)}: {writer.place(m.place)}"
        yield from writer.wrap(m.place.text, "    ", "      ")
        for line in packets_of(m, verbose=writer.verbose):
            yield from writer.wrap(line, "    ", "      ")
    if count > len(shown):
        yield ""
        yield f"  … and {count - len(shown)} more rules (--verbose)"
