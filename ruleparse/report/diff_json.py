"""An answer of `diff` as JSON."""

from __future__ import annotations

from ruleparse.changes import Difference
from ruleparse.report.diff_words import headline
from ruleparse.report.query_json import packets_json
from ruleparse.report.schema import DiffJson
from ruleparse.report.why_json import diagnostic_json

SCHEMA = "ruleparse/diff/1"


def diff_json(answer: Difference) -> DiffJson:
    return {
        "schema": SCHEMA,
        "changes": [
            {
                "family": c.family,
                "local": c.local,
                "change": headline(c),
                "fields": list(c.fields),
                "before": packets_json(c.before),
                "after": packets_json(c.after),
            }
            for c in answer.changes
        ],
        "notes": list(answer.notes),
        "diagnostics": [diagnostic_json(d) for d in answer.diagnostics],
    }
