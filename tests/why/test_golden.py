"""Whole answers over the corpora, as people and as scripts read them: rows of `tables/why.toml`."""

import io
import json
import tomllib

import pytest

import ruleparse
from ruleparse.report.why_json import why_json
from ruleparse.report.why_text import write_why
from tests.places import GOLDEN, ROOT, TABLES

WALKS = tomllib.loads((TABLES / "why.toml").read_text("utf-8"))["walk"]


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch):
    """Answers name files as the user does: here as seen from the top of the checkout."""
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk["name"])
def test_the_whole_answer(walk, golden):
    answer = ruleparse.load(f"corpora/{walk['node']}").why(**walk["packet"])
    text = io.StringIO()
    write_why(answer, text, width=100)
    golden(f"why/{walk['name']}.txt", text.getvalue())
    if walk.get("json"):
        golden(f"why/{walk['name']}.json", json.dumps(why_json(answer), indent=2, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("walk", [w for w in WALKS if "verdict" in w], ids=lambda walk: walk["name"])
def test_fates_and_what_decided(walk):
    outcomes = ruleparse.load(f"corpora/{walk['node']}").why(**walk["packet"]).outcomes
    assert [o.verdict for o in outcomes] == walk["verdict"]
    assert sum(o.probability for o in outcomes) == pytest.approx(1)
    because = walk.get("because", [""] * len(outcomes))
    for outcome, words in zip(outcomes, because, strict=True):
        assert words in (outcome.decided_by.text if outcome.decided_by else outcome.reason or "")


def test_every_golden_answer_has_a_row():
    files = {f"{w['name']}.txt" for w in WALKS} | {f"{w['name']}.json" for w in WALKS if w.get("json")}
    assert {path.name for path in (GOLDEN / "why").iterdir()} == files
