"""Findings that were there before: a baseline names them, so that only new ones are told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ruleparse.lint.finding import Finding

_SCHEMA = "ruleparse/baseline/1"


class BadBaseline(ValueError):
    """A file that no baseline was written to."""


def written(findings: Sequence[Finding]) -> str:
    """A baseline of these findings, to be read by people, too."""
    known = [{"fingerprint": f.fingerprint, "rule": f.rule, "message": f.message} for f in findings]
    return json.dumps({"schema": _SCHEMA, "findings": known}, indent=2) + "\n"


def new_ones(findings: Sequence[Finding], path: Path) -> list[Finding]:
    """Those that a baseline does not name, each as often as it does not. Raises OSError, BadBaseline."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        known = Counter(str(entry["fingerprint"]) for entry in document["findings"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadBaseline(f"{path}: this is no baseline of ruleparse lint ({error})") from None
    new = []
    for finding in findings:
        if known[finding.fingerprint]:
            known[finding.fingerprint] -= 1
        else:
            new.append(finding)
    return new
