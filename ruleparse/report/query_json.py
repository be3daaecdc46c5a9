"""An answer of `query` as JSON."""

from __future__ import annotations

from ruleparse.query.host import Answer, Packets
from ruleparse.report.bridge_json import flow_step_json
from ruleparse.report.schema import FlowStepJson, PacketsJson, PlaceJson, QueryJson
from ruleparse.report.why_json import assumption_json, diagnostic_json, place_json
from ruleparse.why import Place
from ruleparse.why_bridge import FlowStep

SCHEMA = "ruleparse/query/1"


def query_json(answer: Answer) -> QueryJson:
    return {
        "schema": SCHEMA,
        "family": answer.family,
        "sets": [packets_json(p) for p in answer.sets],
        "packets": answer.count,
        "diagnostics": [diagnostic_json(d) for d in answer.diagnostics],
    }


def packets_json(p: Packets) -> PacketsJson:
    return {
        "verdict": p.verdict,
        "egress": p.egress,
        "reject_with": p.reject_with,
        "decided_by": _decider(p.decided_by),
        "reason": p.reason,
        "explanation": list(p.explanation),
        "when": None if p.when is None else [dict(row) for row in p.when],
        "when_cut": p.when_cut,
        "assumptions": [assumption_json(a) for a in p.assumptions],
        "probability": round(p.probability, 6),
        "packets": p.count,
        "rewrites": [dict(r) for r in p.rewrites],
        "rewrites_cut": p.rewrites_cut,
        "witness": dict(p.witness),
        "names": dict(p.names),
    }


def _decider(decider: Place | FlowStep | None) -> PlaceJson | FlowStepJson | None:
    if isinstance(decider, FlowStep):
        return flow_step_json(decider)
    return None if decider is None else place_json(decider)
