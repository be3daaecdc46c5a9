"""Whole answers about the bridges of the corpora, as people read them: rows of `tables/why_bridge.toml`."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from ruleparse.report.bridge_text import write_bridge
from ruleparse.snapshot import Snapshot, load
from ruleparse.why_bridge import BridgeAnswer, why_bridge
from tests.places import GOLDEN, ROOT, TABLES

WALKS = tomllib.loads((TABLES / "why_bridge.toml").read_text("utf-8"))["walk"]


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@cache
def saved(node: str) -> Snapshot:
    return load([f"corpora/{node}"])


def answer(walk: dict[str, Any]) -> BridgeAnswer:
    return why_bridge(saved(walk["node"]), {"bridge": "br-int", "flow": walk["flow"]})


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk["name"])
def test_the_whole_answer(walk: dict[str, Any], golden: Callable[[str, str], None]) -> None:
    text = io.StringIO()
    write_bridge(answer(walk), text, width=100)
    golden(f"why_bridge/{walk['name']}.txt", text.getvalue())


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk["name"])
def test_fates_ports_and_reasons(walk: dict[str, Any]) -> None:
    outcomes = answer(walk).outcomes
    assert [outcome.verdict for outcome in outcomes] == walk["verdict"]
    assert [[egress.port for egress in outcome.egress] for outcome in outcomes] == walk["ports"]
    assert not walk.get("because") or outcomes[0].explanation[0] == walk["because"]


@pytest.mark.parametrize("start", ["antrea-0.9", "antrea-1.2", "antrea-1.8", "antrea-2.3"])
def test_names_change_no_verdict(start: str) -> None:
    """Six ways to dump one bridge: the same fates, the same places."""
    told = []
    for flavour in ("of10", "of10-names", "of13", "of13-names", "of15", "of15-names"):
        found = [answer(walk | {"node": f"{start}/{flavour}"}).outcomes for walk in WALKS]
        told.append([[(o.verdict, [e.port for e in o.egress], [s.name for s in o.steps]) for o in f] for f in found])
    assert all(one == told[0] for one in told)


def test_every_golden_answer_has_a_row() -> None:
    names = {f"{walk['name']}.txt" for walk in WALKS}
    assert {path.name for path in (GOLDEN / "why_bridge").iterdir()} == names
