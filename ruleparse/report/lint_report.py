"""Findings of lint as text, as JSON, and as other programs read them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ruleparse.lint.finding import Finding, LintRule
from ruleparse.lint.registry import rule
from ruleparse.report.github import annotation
from ruleparse.report.junit import Case, junit
from ruleparse.report.sarif import sarif
from ruleparse.report.schema import FindingJson, LintJson, RelatedJson
from ruleparse.text import Span

Write = Callable[[Sequence[Finding], Sequence[LintRule]], str]


def as_text(findings: Sequence[Finding], rules: Sequence[LintRule]) -> str:
    """A block for each finding, then how many there are."""
    lines = [line for finding in findings for line in (*finding.render(), "")]
    counted = Counter(f.severity for f in findings)
    summary = ", ".join(f"{n} {severity}{'s' if n > 1 else ''}" for severity, n in sorted(counted.items()))
    return "\n".join([*lines, summary or f"nothing found by {len(rules)} rules"]) + "\n"


def as_json(findings: Sequence[Finding], _: Sequence[LintRule]) -> str:
    answer: LintJson = {"schema": "ruleparse/lint/1", "findings": [_finding(f) for f in findings]}
    return json.dumps(answer, indent=2) + "\n"


def _finding(f: Finding) -> FindingJson:
    return {
        "rule": f.rule,
        "severity": f.severity,
        "message": f.message,
        "file": f.span.source.name,
        "line": f.span.line,
        "column": f.span.column,
        "text": f.span.text,
        "related": [_related(r.span, r.says) for r in f.related],
        "fix": f.fix,
        "fingerprint": f.fingerprint,
    }


def _related(span: Span, says: str) -> RelatedJson:
    return {"file": span.source.name, "line": span.line, "column": span.column, "text": span.text, "says": says}


def as_sarif(findings: Sequence[Finding], rules: Sequence[LintRule]) -> str:
    document: dict[str, Any] = sarif(findings, rules)
    return json.dumps(document, indent=2) + "\n"


def as_github(findings: Sequence[Finding], _: Sequence[LintRule]) -> str:
    """Workflow commands: a line for each finding."""
    return "".join(annotation(f.severity, f"{f.message} [{f.rule}]", f.span) + "\n" for f in findings)


def as_junit(findings: Sequence[Finding], rules: Sequence[LintRule]) -> str:
    """A test case for each rule, which fails once for everything it found."""
    found = {one.name: [f for f in findings if f.rule == one.name] for one in rules}
    cases = [Case(name, rule_title(name), tuple("\n".join(f.render()) for f in its)) for name, its in found.items()]
    return junit("ruleparse lint", cases)


def rule_title(name: str) -> str:
    declared = rule(name)
    return declared.title if declared else name


FORMATS: Mapping[str, Write] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
    "junit": as_junit,
}
