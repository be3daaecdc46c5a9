"""An answer about a node of bridges and rules as JSON."""

from __future__ import annotations

from ruleparse.journey import WholeAnswer, WholeOutcome
from ruleparse.report.bridge_json import egress_json, flow_step_json
from ruleparse.report.schema import FlowStepJson, PlaceJson, WholeOutcomeJson, WholeWhyJson
from ruleparse.report.why_json import SCHEMA, assumption_json, diagnostic_json, overlay_json, place_json, step_json
from ruleparse.why import Place, Step
from ruleparse.why_bridge import FlowStep


def whole_json(answer: WholeAnswer) -> WholeWhyJson:
    return {
        "schema": SCHEMA,
        "id": answer.id,
        "outcomes": [_outcome(o) for o in answer.outcomes],
        "complete": answer.complete,
        "diagnostics": [diagnostic_json(d) for d in answer.diagnostics],
    }


def _outcome(o: WholeOutcome) -> WholeOutcomeJson:
    egress = o.egress
    return {
        "verdict": o.verdict,
        "egress": egress if egress is None or isinstance(egress, str) else [egress_json(e) for e in egress],
        "overlay": None if o.overlay is None else overlay_json(o.overlay),
        "reject_with": o.reject_with,
        "packet": dict(o.packet),
        "when": None if o.when is None else [dict(row) for row in o.when],
        "when_cut": o.when_cut,
        "assumptions": [assumption_json(a) for a in o.assumptions],
        "probability": round(o.probability, 6),
        "decided_by": None if o.decided_by is None else _decided(o.decided_by),
        "reason": o.reason,
        "explanation": list(o.explanation),
        "steps": [step_json(s) if isinstance(s, Step) else flow_step_json(s) for s in o.steps],
        "reply": None if o.reply is None else [_outcome(back) for back in o.reply],
    }


def _decided(by: Place | FlowStep) -> PlaceJson | FlowStepJson:
    return place_json(by) if isinstance(by, Place) else flow_step_json(by)
