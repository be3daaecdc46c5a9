"""A matrix as JSON: every pair of parties by itself."""

from __future__ import annotations

from ruleparse.codec import show_prefix, show_protocol
from ruleparse.parties import Party
from ruleparse.query.matrix import Cell, Matrix, Met
from ruleparse.report.schema import CellJson, MatrixJson, MetJson, PartyJson
from ruleparse.report.why_json import assumption_json, diagnostic_json, place_json

SCHEMA = "ruleparse/matrix/1"


def matrix_json(answer: Matrix) -> MatrixJson:
    return {
        "schema": SCHEMA,
        "family": answer.family,
        "parties": [party_json(party) for party in answer.parties],
        "cells": [cell_json(cell) for cell in answer.cells.values()],
        "notes": list(answer.notes),
        "diagnostics": [diagnostic_json(d) for d in answer.diagnostics],
    }


def party_json(party: Party) -> PartyJson:
    return {
        "kind": party.kind,
        "name": party.name,
        "remark": party.remark,
        "addresses": [show_prefix(p) for p in party.addresses] if party.addresses else None,
        "but": [show_prefix(p) for p in party.but],
        "interfaces": list(party.interfaces),
        "proto": None if party.proto is None else show_protocol(party.proto),
        "port": party.port,
    }


def cell_json(cell: Cell) -> CellJson:
    return {
        "source": cell.source,
        "target": cell.target,
        "verdict": cell.verdict,
        "on": [{"question": q.question, "settle": q.settle} for q in cell.on],
        "fates": [met_json(met) for met in cell.fates],
        "more": cell.more,
    }


def met_json(met: Met) -> MetJson:
    return {
        "verdict": met.verdict,
        "egress": met.egress,
        "reject_with": met.reject_with,
        "decided_by": None if met.decided_by is None else place_json(met.decided_by),
        "reason": met.reason,
        "when": None if met.when is None else [dict(row) for row in met.when],
        "when_cut": met.when_cut,
        "assumptions": [assumption_json(a) for a in met.assumptions],
        "probability": round(met.probability, 6),
        "witness": dict(met.witness),
    }
