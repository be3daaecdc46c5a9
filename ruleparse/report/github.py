"""Annotations as GitHub Actions reads them from a log: `::error file=…,line=…::message`.

Source: docs.github.com, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from ruleparse.text import Severity, Span, printable

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def annotation(severity: Severity, message: str, span: Span | None) -> str:
    where = {} if span is None else {"file": span.source.name, "line": span.line, "col": span.column}
    properties = ",".join(f"{key}={_escaped_property(str(value))}" for key, value in where.items())
    return f"::{_COMMANDS[severity]} {properties}".rstrip() + f"::{_escaped(message)}"


def _escaped(text: str) -> str:
    lines = (printable(line) for line in text.splitlines())
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
