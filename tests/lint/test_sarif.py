"""Findings of every lint rule as SARIF: valid by the official schema, which finds what is wrong."""

import json
from copy import deepcopy

import pytest

from ruleparse.lint.registry import rule_names
from ruleparse.lint.run import Wanted, lint
from ruleparse.report.lint_report import as_sarif
from tests.lint.examples import example
from tests.lint.sarif_log import complaints

EVERY = Wanted(level="note")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    found = []
    for name in rule_names():
        found += lint(example(name).node(tmp_path_factory.mktemp(name)), EVERY)
    return json.loads(as_sarif(found, EVERY.rules()))


def test_findings_of_every_rule_are_valid(log):
    assert {r["ruleId"] for r in log["runs"][0]["results"]} == set(rule_names())
    assert list(complaints(log)) == []


DAMAGE = {
    "no such level": lambda run: run["results"][0].update(level="loud"),
    "no message": lambda run: run["results"][0].pop("message"),
    "line 0": lambda run: region(run).update(startLine=0),
    "an unknown key": lambda run: region(run).update(line=3),
    "no rule of this number": lambda run: run["results"][0].update(ruleIndex=1000),
    "an end before its start": lambda run: region(run).update(endLine=1, endColumn=1, startLine=2),
    "a driver without a name": lambda run: run["tool"]["driver"].pop("name"),
}


def region(run):
    return run["results"][0]["locations"][0]["physicalLocation"]["region"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_wrong_log_is_found_out(log, damage):
    broken = deepcopy(log)
    DAMAGE[damage](broken["runs"][0])
    assert list(complaints(broken))
