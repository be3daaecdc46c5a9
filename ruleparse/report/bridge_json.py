"""An answer about a bridge as JSON."""

from __future__ import annotations

from ruleparse.report.schema import BridgeOutcomeJson, BridgeWhyJson, EgressJson, FlowStepJson
from ruleparse.report.why_json import SCHEMA, assumption_json, diagnostic_json
from ruleparse.why_bridge import BridgeAnswer, BridgeOutcome, Egress, FlowStep


def bridge_json(answer: BridgeAnswer) -> BridgeWhyJson:
    return {
        "schema": SCHEMA,
        "id": answer.id,
        "outcomes": [_outcome(o) for o in answer.outcomes],
        "complete": answer.complete,
        "diagnostics": [diagnostic_json(d) for d in answer.diagnostics],
    }


def _outcome(o: BridgeOutcome) -> BridgeOutcomeJson:
    return {
        "verdict": o.verdict,
        "egress": [egress_json(e) for e in o.egress],
        "reject_with": None,
        "packet": dict(o.packet),
        "when": None,
        "assumptions": [assumption_json(a) for a in o.assumptions],
        "probability": round(o.probability, 6),
        "decided_by": None if o.decided_by is None else flow_step_json(o.decided_by),
        "reason": o.reason,
        "explanation": list(o.explanation),
        "steps": [flow_step_json(s) for s in o.steps],
    }


def egress_json(e: Egress) -> EgressJson:
    return {"port": e.port, "name": e.name, "packet": dict(e.packet)}


def flow_step_json(s: FlowStep) -> FlowStepJson:
    """A flow that a packet found."""
    return {
        "bridge": s.bridge,
        "table": s.number,
        "table_name": s.name,
        "priority": s.priority,
        "match": s.match,
        "actions": s.actions,
        "cookie": None if s.cookie is None else f"{s.cookie:#x}",
        "file": s.file,
        "line": s.line,
        "says": s.says,
    }
