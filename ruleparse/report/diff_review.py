"""An answer of `diff` for reviews: Markdown for a comment, workflow commands that GitHub shows beside the lines.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.changes.counters import Counters
from ruleparse.changes.host import Change, Difference
from ruleparse.report.counters_words import MOST_MOVED, moved_by, packets_of
from ruleparse.report.diff_words import by_whom, conditions, headline, past
from ruleparse.report.markdown import code, plain
from ruleparse.report.why_text import question_in_words

_MOST_ROWS = 8


def markdown(answer: Difference) -> str:
    lines = [f"> {plain(note)}" for note in answer.notes]
    lines.append(
        f"### Packets that change fate: {len(answer.changes)}" if answer.changes else "No packet changes fate."
    )
    for change in answer.changes:
        lines += ["", *_section(change)]
    if answer.counters is not None:
        lines += ["", *_counters(answer.counters)]
    return "\n".join(lines) + "\n"


def _counters(counters: Counters) -> Iterator[str]:
    yield f"### Rules whose counters moved: {len(counters.moved)}" if counters.moved else "No counter moved."
    yield ""
    yield from (f"> {plain(note)}" for note in counters.notes)
    for m in counters.moved[:MOST_MOVED]:
        place = f"{m.place.table} {m.place.chain}, {'the policy' if m.place.rule == 0 else f'rule {m.place.rule}'}"
        yield f"- {plain(moved_by(m))}: {code(place)} {code(m.place.text)}"
        yield from (f"  - {plain(line)}" for line in packets_of(m))
    if len(counters.moved) > MOST_MOVED:
        yield f"- and {len(counters.moved) - MOST_MOVED} more"


def _section(c: Change) -> Iterator[str]:
    yield f"**{plain(headline(c))}**" + (" (sent by this node)" if c.local else "")
    yield ""
    yield from (f"- when {plain(row)}" for row in conditions(c, _MOST_ROWS))
    yield from (f"- provided that: {plain(a.question)}: {'yes' if a.answer else 'no'}" for a in c.after.assumptions)
    yield f"- {plain(past(c.before))} by {code(by_whom(c.before))}"
    yield f"- {plain(headline(c))} by {code(by_whom(c.after))}"
    yield f"- for instance {code(question_in_words(c.after.witness))}"
    yield from (f"  - {plain(sentence)}" for sentence in c.after.explanation)


def github(answer: Difference) -> str:
    """A warning for each change, at the rule that decides now."""
    return "".join(_command(change) for change in answer.changes)


def _command(c: Change) -> str:
    place = c.after.decided_by or c.before.decided_by
    where = f" file={_property(place.file or '')},line={place.line},title={_property(headline(c))}" if place else ""
    told = [
        f"{headline(c)}: {'; '.join(conditions(c, _MOST_ROWS))}",
        f"{past(c.before)} by {by_whom(c.before)}",
        *c.after.explanation,
        f"for instance {question_in_words(c.after.witness)}",
    ]
    return f"::warning{where}::{_data(chr(10).join(told))}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
