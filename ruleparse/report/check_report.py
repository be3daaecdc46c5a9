"""Expectations and how they are met, as text, as JSON, and as CI systems read them."""

from __future__ import annotations

import io
import json
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TextIO

from ruleparse.check.fates import AnyAnswer
from ruleparse.check.judging import Judged
from ruleparse.report.bridge_json import bridge_json
from ruleparse.report.bridge_text import write_bridge
from ruleparse.report.github import annotation
from ruleparse.report.junit import Case, junit
from ruleparse.report.schema import BridgeWhyJson, CheckJson, JudgedJson, WholeWhyJson, WhyJson
from ruleparse.report.whole_json import whole_json
from ruleparse.report.whole_text import write_whole
from ruleparse.report.why_json import why_json
from ruleparse.report.why_text import in_one_line, write_why
from ruleparse.text import printable
from ruleparse.why import Answer
from ruleparse.why_bridge import BridgeAnswer

Write = Callable[[Sequence[Judged]], str]

_WORDS = {"holds": "ok", "fails": "FAIL", "unknown": "UNKNOWN"}


def as_text(judged: Sequence[Judged]) -> str:
    """A line for each expectation, below it why it is not met."""
    lines = [line for one in judged for line in (_headline(one), *_details(one))]
    counted = Counter(one.status for one in judged)
    return (
        "\n".join([*lines, "", ", ".join(f"{n} {status}" for status, n in counted.items()) or "nothing expected"])
        + "\n"
    )


def _headline(one: Judged) -> str:
    return f"{_WORDS[one.status]:8} {printable(one.placed.expectation.title)}   {one.placed.span.where}"


def _details(one: Judged) -> Iterator[str]:
    if one.status == "holds":
        return
    yield f"         expected: {one.placed.expectation.expect}"
    for reason in one.because:
        yield from textwrap.wrap(printable(reason), 100, initial_indent=" " * 9, subsequent_indent=" " * 11)
    if one.shown is not None:
        yield "         a packet that shows it:"
        out = io.StringIO()
        _write(one.shown, out)
        yield from (f"           {line}".rstrip() for line in out.getvalue().splitlines())


def as_json(judged: Sequence[Judged]) -> str:
    answer: CheckJson = {"schema": "ruleparse/check/1", "results": [_result(one) for one in judged]}
    return json.dumps(answer, indent=2) + "\n"


def _result(one: Judged) -> JudgedJson:
    return {
        "name": one.placed.expectation.title,
        "status": one.status,
        "passed": one.passed,
        "expected": str(one.placed.expectation.expect),
        "file": one.placed.span.source.name,
        "line": one.placed.span.line,
        "because": list(one.because),
        "witness": None if one.witness is None else dict(one.witness),
        "walked": _walked(one.shown),
    }


def _write(shown: AnyAnswer, out: TextIO) -> None:
    if isinstance(shown, Answer):
        write_why(shown, out, width=90)
    elif isinstance(shown, BridgeAnswer):
        write_bridge(shown, out, width=90)
    else:
        write_whole(shown, out, width=90)


def _walked(shown: AnyAnswer | None) -> WhyJson | BridgeWhyJson | WholeWhyJson | None:
    if shown is None:
        return None
    if isinstance(shown, Answer):
        return why_json(shown)
    return bridge_json(shown) if isinstance(shown, BridgeAnswer) else whole_json(shown)


def as_junit(judged: Sequence[Judged]) -> str:
    return junit("ruleparse check", [_case(one) for one in judged])


def _case(one: Judged) -> Case:
    details = () if one.passed else ("\n".join(_details(one)),)
    return Case(one.placed.expectation.title, f"expected: {one.placed.expectation.expect}", details)


def as_github(judged: Sequence[Judged]) -> str:
    """Workflow commands: a line for each expectation that is not met, at its place in the file."""
    return "".join(annotation("error", _in_short(one), one.placed.span) + "\n" for one in judged if not one.passed)


def _in_short(one: Judged) -> str:
    shown = [in_one_line(one.shown)] if isinstance(one.shown, Answer) else []
    expectation = one.placed.expectation
    words = "depends on what no dump tells" if one.status == "unknown" else "does not hold"
    return "\n".join([f"{expectation.title}: {expectation.expect} {words}", *one.because, *shown])


FORMATS: Mapping[str, Write] = {"text": as_text, "json": as_json, "junit": as_junit, "github": as_github}
