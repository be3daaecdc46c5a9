"""A matrix for people: a table where it fits, else a list; then what one word does not tell, and who refuses."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TextIO

from ruleparse.parties import ADDRESSES
from ruleparse.query.address_matrix import letters
from ruleparse.query.matrix import Cell, Matrix, Met
from ruleparse.report.diff_words import by_whom
from ruleparse.report.matrix_words import Table, label, legend, mixed, pieces, refused, table
from ruleparse.report.provided import claim, shortened
from ruleparse.report.sets_text import SetsWriter, where_to
from ruleparse.report.why_text import question_in_words, spaced

_WORDS = {"accept": "green", "drop": "red", "reject": "red", "refused": "red", "partly": "yellow", "depends": "yellow"}
_NOTHING = "·"
_ROW, _COLUMN, _LETTER = 34, 14, 8
_MOST_MIXED, _MOST_REFUSED, _MOST_SOURCES, _MOST_ROWS = 8, 12, 4, 3
_MOST_FATES, _MOST_VALUES, _MOST_QUESTIONS, _MOST_RANGES = 4, 6, 4, 8


def write_matrix(answer: Matrix, out: TextIO, *, verbose: bool = False, width: int | None = None) -> None:
    """`width` in columns; that of the terminal if not given."""
    out.write("\n".join(_Writer(answer, SetsWriter.of(out, width, verbose)).lines()) + "\n")


class _Writer:
    def __init__(self, answer: Matrix, writer: SetsWriter) -> None:
        self.answer = answer
        self.writer = writer

    def lines(self) -> Iterator[str]:
        yield self.writer.style.bold(f"{question_in_words(self.answer.asked)}, who reaches whom")
        yield ""
        if not self.answer.cells:
            yield "nobody: no packet was asked about"
        by_address = any(party.kind == ADDRESSES for party in self.answer.parties)
        shown = table(self.answer, merged=not by_address and not self.writer.verbose)
        yield from self.classes()
        layouts = [self.by_address(shown)] if by_address else [self.headed(shown), self.lettered(shown)]
        fitting = (lines for lines in layouts if max(map(_width, lines), default=0) <= self.writer.columns)
        yield from next(fitting, None) or self.listed(shown)
        if self.answer.notes:
            yield ""
        for note in self.answer.notes:
            yield from self.writer.wrap(note, "")
        yield from self.mixed(shown)
        yield from self.refused()

    def group(self, indices: Sequence[int]) -> str:
        return label([self.answer.parties[i] for i in indices])

    # Tables

    def headed(self, shown: Table) -> list[str]:
        """Columns with their names over them."""
        heads = [_head(pieces([self.answer.parties[i] for i in group])) for group in shown.columns]
        return list(self.table(shown, heads))

    def lettered(self, shown: Table) -> list[str]:
        """Columns with a letter over them, the names above all."""
        names = [letters(n) for n in range(len(shown.columns))]
        named = zip(names, shown.columns, strict=True)
        legend = [
            line for letter, group in named for line in self.writer.wrap(f"{letter}  {self.group(group)}", "", "   ")
        ]
        return [*legend, "", *self.table(shown, [[name] for name in names])]

    def classes(self) -> Iterator[str]:
        """Which addresses the letters stand for."""
        ranges = list(legend(self.answer, 1 << 60 if self.writer.verbose else _MOST_RANGES))
        for name, text in ranges:
            yield from self.writer.wrap(f"{name:<2} {text}", "", "   ")
        yield from [""] if ranges else []

    def by_address(self, shown: Table) -> list[str]:
        return list(self.table(shown, [[self.group(group)] for group in shown.columns], _LETTER))

    def table(self, shown: Table, heads: Sequence[Sequence[str]], room: int = _ROW) -> Iterator[str]:
        if not shown.rows:
            return
        widths = [max(map(len, (*head, "depends"))) for head in heads]
        for n in range(max(map(len, heads))):
            words = (head[n] if n < len(head) else "" for head in heads)
            start = "from, to" if n == 0 else ""
            yield _line(room, start, [w.ljust(width) for w, width in zip(words, widths, strict=True)])
        for group, verdicts in zip(shown.rows, shown.verdicts, strict=True):
            first, *more = textwrap.wrap(self.group(group), room, subsequent_indent="  ", break_on_hyphens=False)
            yield _line(room, first, [self.word(v, width) for v, width in zip(verdicts, widths, strict=True)])
            yield from more

    def word(self, verdict: str | None, width: int) -> str:
        text = (verdict or _NOTHING).ljust(width)
        return self.writer.style.colour(text, _WORDS[verdict]) if verdict else text

    def listed(self, shown: Table) -> Iterator[str]:
        for n, (group, verdicts) in enumerate(zip(shown.rows, shown.verdicts, strict=True)):
            yield from [""] if n else []
            yield from self.writer.wrap(f"from {self.group(group)}", "", "  ")
            for verdict in _WORDS:
                targets = [self.group(c) for c, v in zip(shown.columns, verdicts, strict=True) if v == verdict]
                if targets:
                    first, *more = self.writer.wrap(f"{verdict:<8} {'; '.join(targets)}", "  ", " " * 11)
                    yield first.replace(verdict, self.writer.style.colour(verdict, _WORDS[verdict]), 1)
                    yield from more

    # Below them

    def mixed(self, shown: Table) -> Iterator[str]:
        """What one word does not tell: for two groups, what holds of the first two parties."""
        cells = list(mixed(self.answer, shown))
        told = cells if self.writer.verbose else cells[:_MOST_MIXED]
        for cell, more in told:
            yield ""
            such = f" and {more} more such pairs" if more else ""
            pair = f"{self.group([cell.source])} → {self.group([cell.target])}"
            yield from self.writer.wrap(f"{cell.verdict}: {pair}{such}", "", "  ")
            yield from self.fates(cell)
        yield from self.more(len(cells) - len(told), "that are mixed")

    def fates(self, cell: Cell) -> Iterator[str]:
        shared = _shared(cell)
        told = cell.fates if self.writer.verbose else cell.fates[:_MOST_FATES]
        for met in told:
            yield from self.writer.wrap(_condition(met, shared, self.writer.verbose), "  ", "    ")
        if more := len(cell.fates) - len(told) + cell.more:
            yield f"  … and {more} more fates" + ("" if self.writer.verbose else " (--verbose)")
        if cell.on:
            asked = list(dict.fromkeys(f"{q.question}?" for q in cell.on))
            most = len(asked) if self.writer.verbose else _MOST_QUESTIONS
            others = f" and {len(asked) - most} more (--verbose)" if len(asked) > most else ""
            yield from self.writer.wrap(f"open: {shortened('; '.join(asked[:most]))}{others}", "  ", "    ")
        commands = (word for q in cell.on for word in q.settle.split("; ") if word)
        if settle := ", ".join(dict.fromkeys(f"`{command}`" for command in commands)):
            yield from self.writer.wrap(f"to settle it, save {settle}", "  ", "    ")

    def refused(self) -> Iterator[str]:
        found = list(refused(self.answer, by_whom))
        shown = found if self.writer.verbose else found[:_MOST_REFUSED]
        if found:
            yield ""
            yield self.writer.style.bold("Refused")
        last = ""
        for one in shown:
            if one.by != last:
                yield from self.writer.wrap(f"{one.verdict} by {one.by}", "  ", "    ")
            last = one.by
            names = [self.group([i]) for i in one.sources]
            most = len(names) if self.writer.verbose else _MOST_SOURCES
            more = f" and {len(names) - most} more" if len(names) > most else ""
            yield from self.writer.wrap(
                f"to {self.group([one.target])} from {'; '.join(names[:most])}{more}", "    ", "      "
            )
        yield from self.more(len(found) - len(shown), "that are refused")

    def more(self, count: int, what: str) -> Iterator[str]:
        if count > 0:
            yield f"… and {count} more {what} (--verbose)"


def _shared(cell: Cell) -> set[tuple[str, str]]:
    """What holds of all packets of a cell."""
    rows = [set(row.items()) for met in cell.fates for row in met.when or [{}]]
    return set.intersection(*rows)


def _condition(met: Met, shared: set[tuple[str, str]], verbose: bool) -> str:
    """`drop (50 %, by chance) when src 10.0.0.0/8, provided that …; by filter FORWARD, rule 2`"""
    most = 1 << 60 if verbose else _MOST_VALUES
    told = [[f"{n} {spaced(v, most)}" for n, v in row.items() if (n, v) not in shared] for row in met.when or ()]
    rows = [", ".join(row) or "anything else" for row in told if row or len(told) > 1]
    shown = rows if verbose else rows[:_MOST_ROWS]
    more = " …" if met.when_cut or len(rows) > len(shown) else ""
    odds = f" ({100 * met.probability:.3g} %, by chance)" if met.probability < 1 else ""
    when = f" when {' or '.join(shown)}{more}" if shown else ""
    given = [shortened(claim(a)) for a in met.assumptions]
    provided = f", provided that {' and '.join(given)}" if given else ""
    where = where_to(met) if met.egress or met.reject_with else ""
    return f"{met.verdict}{where}{odds}{when}{provided}; by {by_whom(met)}"


def _head(parts: Sequence[str]) -> list[str]:
    longest = max(len(word) for part in parts for word in part.split())
    return [line for part in parts for line in textwrap.wrap(part, max(_COLUMN, longest), break_on_hyphens=False)]


def _line(room: int, first: str, cells: Sequence[str]) -> str:
    return f"{first:<{room}}  {'  '.join(cells)}".rstrip()


def _width(line: str) -> int:
    """Colours take no room."""
    return sum(1 for part in line.split("\x1b") for _ in (part if not part.startswith("[") else part.partition("m")[2]))
