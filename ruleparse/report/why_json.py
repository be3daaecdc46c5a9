"""An answer of `why` as the JSON object that users script against."""

from __future__ import annotations

from ruleparse.report.schema import (
    AssumptionJson,
    DiagnosticJson,
    OutcomeJson,
    OverlayJson,
    PlaceJson,
    StepJson,
    WhyJson,
)
from ruleparse.snapshot import Overlay
from ruleparse.text import Diagnostic
from ruleparse.why import Answer, Assumed, Outcome, Place, Step

SCHEMA = "ruleparse/why/1"


def why_json(answer: Answer) -> WhyJson:
    return {
        "schema": SCHEMA,
        "id": answer.id,
        "outcomes": [_outcome(o) for o in answer.outcomes],
        "complete": answer.complete,
        "names": dict(answer.names),
        "diagnostics": [diagnostic_json(d) for d in answer.diagnostics],
    }


def _outcome(o: Outcome) -> OutcomeJson:
    return {
        "verdict": o.verdict,
        "egress": o.egress,
        "overlay": None if o.overlay is None else overlay_json(o.overlay),
        "reject_with": o.reject_with,
        "packet": dict(o.packet),
        "when": None if o.when is None else [dict(row) for row in o.when],
        "when_cut": o.when_cut,
        "assumptions": [assumption_json(a) for a in o.assumptions],
        "probability": round(o.probability, 6),
        "decided_by": None if o.decided_by is None else place_json(o.decided_by),
        "reason": o.reason,
        "explanation": list(o.explanation),
        "steps": [step_json(s) for s in o.steps],
        "reply": None if o.reply is None else [_outcome(back) for back in o.reply],
    }


def overlay_json(tunnel: Overlay) -> OverlayJson:
    return {
        "interface": tunnel.interface,
        "kind": tunnel.kind,
        "number": tunnel.number,
        "to": tunnel.to,
        "settle": tunnel.settle,
    }


def place_json(p: Place) -> PlaceJson:
    return {"file": p.file, "line": p.line, "table": p.table, "chain": p.chain, "rule": p.rule, "text": p.text}


def step_json(s: Step) -> StepJson:
    p = s.place
    return {
        "hook": s.hook,
        "file": p.file,
        "table": p.table,
        "chain": p.chain,
        "rule": p.rule,
        "line": p.line,
        "text": p.text,
        "effect": s.effect,
        "says": s.says,
    }


def assumption_json(a: Assumed) -> AssumptionJson:
    rule = None if a.rule is None else {"file": a.rule.source.name, "line": a.rule.line, "text": a.rule.text}
    return {"question": a.question, "answer": a.answer, "settle": a.settle, "rule": rule}


def diagnostic_json(d: Diagnostic) -> DiagnosticJson:
    span = d.span
    return {
        "name": d.name,
        "severity": d.severity,
        "message": d.message,
        "file": None if span is None else span.source.name,
        "line": None if span is None else span.line,
        "column": None if span is None else span.column,
    }
