"""An answer of `diff` as JSON."""

from __future__ import annotations

from ruleparse.changes.counters import Counters, Counts
from ruleparse.changes.host import Difference
from ruleparse.report.diff_words import headline
from ruleparse.report.query_json import packets_json
from ruleparse.report.schema import CountersJson, CountsJson, DiffJson
from ruleparse.report.why_json import diagnostic_json, place_json

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
        "counters": None if answer.counters is None else counters_json(answer.counters),
        "notes": list(answer.notes),
        "diagnostics": [diagnostic_json(d) for d in answer.diagnostics],
    }


def counters_json(counters: Counters) -> CountersJson:
    return {
        "moved": [
            {
                "rule": place_json(m.place),
                "family": m.family,
                "packets": m.packets,
                "octets": m.octets,
                "reset": m.reset,
                "counts": None if m.counts is None else [counts_json(c) for c in m.counts],
            }
            for m in counters.moved
        ],
        "notes": list(counters.notes),
    }


def counts_json(c: Counts) -> CountsJson:
    return {
        "local": c.local,
        "when": None if c.when is None else [dict(row) for row in c.when],
        "when_cut": c.when_cut,
    }
