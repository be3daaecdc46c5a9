"""SARIF 2.1.0, as code scanning reads it.

Source: docs.oasis-open.org/sarif/sarif/v2.1.0; docs.github.com, "SARIF support for code scanning".
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ruleparse.lint.finding import Finding, LintRule
from ruleparse.text import Span, printable

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(findings: Sequence[Finding], rules: Sequence[LintRule]) -> dict[str, Any]:
    """One run: the rules that were asked, and a result for each finding."""
    index = {rule.name: number for number, rule in enumerate(rules)}
    driver = {"name": "ruleparse", "version": version("ruleparse"), "rules": [_rule(rule) for rule in rules]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index[finding.rule]) for finding in findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: LintRule) -> dict[str, Any]:
    page = inspect.cleandoc(rule.doc)
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.title},
        "help": {"text": page},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": printable(finding.message) + (f" Fix: {finding.fix}" if finding.fix else "")},
        "locations": [_location(finding.span)],
        "partialFingerprints": {"ruleparse/1": finding.fingerprint},
    }
    if finding.related:
        related = (_location(other.span) | {"message": {"text": other.says}} for other in finding.related)
        result["relatedLocations"] = [{"id": number, **place} for number, place in enumerate(related, 1)]
    return result


def _location(span: Span) -> dict[str, Any]:
    end = max(span.start, span.end - 1)
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.source.line_of(end),
        "endColumn": span.source.column_of(end) + 1,
        "snippet": {"text": "".join(c if c.isprintable() else " " for c in span.text)},
    }
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(span.source.name)}, "region": region}}


def _uri(name: str) -> str:
    """Relative to where the command ran, if it can be."""
    path = Path(name)
    if path.is_absolute():
        return path.as_uri()
    return quote(path.as_posix(), errors="replace")
