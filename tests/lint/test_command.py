"""ruleparse lint as a shell sees it: statuses, formats, settings, baselines."""

import json

import pytest
from junitparser import Failure, JUnitXml

from tests.command import run
from tests.lint.examples import example
from tests.lint.sarif_log import complaints


@pytest.fixture
def dump(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.txt").write_text(example("nat-cannot-apply").text)
    return "rules.txt"


def test_findings_end_with_status_1(dump, golden):
    ran = run("lint", dump)
    assert ran.status == 1
    golden("lint/nat-cannot-apply.txt", ran.out)


def test_nothing_found_ends_with_status_0(dump):
    assert run("lint", dump, "--ignore", "nat-cannot-apply").status == 0
    assert run("lint", dump, "--select", "chain-loop,missing-chain").status == 0
    assert run("lint", dump, "--exit-zero").status == 0


def test_wrong_usage_ends_with_status_2(dump):
    for words in (["--select", "nonsense"], ["--config", "none.toml"], ["--baseline", "none.json"]):
        ran = run("lint", dump, *words)
        assert (ran.status, ran.err.count("\n")) == (2, 1)


def test_what_cannot_be_read_ends_with_status_3(tmp_path):
    assert run("lint", tmp_path / "nothing").status == 3


def test_json(dump):
    (found,) = json.loads(run("lint", dump, "--format", "json").out)["findings"]
    assert (found["rule"], found["line"], found["text"]) == ("nat-cannot-apply", 5, "-j MASQUERADE")


def test_sarif(dump):
    document = json.loads(run("lint", dump, "--format", "sarif").out)
    assert list(complaints(document)) == []
    (result,) = document["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "rules.txt"}
    assert (place["region"]["startLine"], place["region"]["startColumn"]) == (5, 32)
    assert document["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_github(dump):
    words = "MASQUERADE cannot apply to packets in PREROUTING [nat-cannot-apply]"
    assert run("lint", dump, "--format", "github").out == f"::error file=rules.txt,line=5,col=32::{words}\n"


def test_junit(dump):
    (suite,) = JUnitXml.fromstring(run("lint", dump, "--format", "junit").out.encode())
    failed = [case for case in suite if case.result]
    assert [case.name for case in failed] == ["nat-cannot-apply"]
    assert [type(result) for result in failed[0].result] == [Failure]
    assert "rules.txt:5" in (failed[0].result[0].text or "")
    assert (suite.tests, suite.failures) == (len(list(suite)), 1)


def test_a_baseline_leaves_only_what_is_new(dump, tmp_path):
    assert run("lint", dump, "--write-baseline", "known.json").status == 0
    assert run("lint", dump, "--baseline", "known.json").status == 0
    text = (tmp_path / dump).read_text().replace("COMMIT", "-A POSTROUTING -j DNAT --to-destination 192.0.2.1\nCOMMIT")
    (tmp_path / dump).write_text(text)
    again = run("lint", dump, "--baseline", "known.json", "--format", "json")
    assert [f["line"] for f in json.loads(again.out)["findings"]] == [6]


def test_a_file_that_is_no_baseline_is_refused(dump, tmp_path):
    (tmp_path / "known.json").write_text("[1, 2]")
    assert run("lint", dump, "--baseline", "known.json").status == 2


@pytest.mark.parametrize(
    ("file", "table"), [("ruleparse.toml", "lint"), ("pyproject.toml", "tool.ruleparse.lint")], ids=str
)
def test_settings_are_read(dump, tmp_path, file, table):
    (tmp_path / file).write_text(f'[{table}]\nignore = ["nat-cannot-apply"]\n')
    assert run("lint", dump).status == 0


def test_settings_may_change_what_a_rule_is_worth(dump, tmp_path):
    (tmp_path / "ruleparse.toml").write_text('[lint.severity]\nnat-cannot-apply = "note"\n')
    assert run("lint", dump).status == 0
    assert run("lint", dump, "--level", "note").status == 1


@pytest.mark.parametrize("text", ["[lint]\nselekt = []\n", "[lint]\nlevel = 'loud'\n", "[lint\n", "tool = 3\n"])
def test_wrong_settings_are_refused(dump, tmp_path, text):
    (tmp_path / "ruleparse.toml").write_text(text)
    ran = run("lint", dump)
    assert ran.status == 2
    assert "ruleparse.toml" in ran.err


def test_doc_shows_a_rules_page():
    assert run("doc", "chain-loop").out.startswith("lint rule chain-loop   error\n\nChains lead back to themselves.")
    assert "chain-loop" in run("doc").out
