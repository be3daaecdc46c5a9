"""A matrix for reviews and wikis."""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.query.matrix import Matrix
from ruleparse.report.diff_words import by_whom
from ruleparse.report.markdown import code, plain
from ruleparse.report.markdown import table as rows_of
from ruleparse.report.matrix_words import label, legend, mixed, refused, table
from ruleparse.report.why_text import question_in_words

_MOST_RANGES = 20
_SIGNS = {
    "accept": "accept",
    **{word: f"**{word}**" for word in ("drop", "reject", "refused")},
    **{word: f"*{word}*" for word in ("partly", "depends")},
}


def markdown(answer: Matrix) -> str:
    return "\n".join(_lines(answer)) + "\n"


def _lines(answer: Matrix) -> Iterator[str]:
    yield f"### Who reaches whom: {code(question_in_words(answer.asked))}"
    yield ""
    named = list(legend(answer, _MOST_RANGES))
    yield from (f"- {name}: {plain(text)}" for name, text in named)
    yield from [""] if named else []
    shown = table(answer, merged=not named)
    head = ["from, to", *(plain(_group(answer, group)) for group in shown.columns)]
    rows = (
        [plain(_group(answer, group)), *(_SIGNS[v] if v else "" for v in verdicts)]
        for group, verdicts in zip(shown.rows, shown.verdicts, strict=True)
    )
    yield from rows_of(head, list(rows))
    yield from (f"\n> {plain(note)}" for note in answer.notes)
    found = list(refused(answer, by_whom))
    yield ""
    for one in found:
        sources = plain(", ".join(_group(answer, [i]) for i in one.sources))
        yield f"- {one.verdict} by {code(one.by)}: {sources} → {plain(_group(answer, [one.target]))}"
    for cell, more in mixed(answer, shown):
        such = f" and {more} more such pairs" if more else ""
        yield f"- {cell.verdict}: {plain(_group(answer, [cell.source]))} → {plain(_group(answer, [cell.target]))}{such}"


def _group(answer: Matrix, indices: object) -> str:
    assert isinstance(indices, list)
    return label([answer.parties[i] for i in indices])
