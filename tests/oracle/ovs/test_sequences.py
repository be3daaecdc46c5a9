"""Packets one after another: what a real switch did with the rows of our tests, random ones against `--stateful`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpora.vswitchd import missing
from tests.bridge_packets import packet
from tests.oracle.compare import SILENT, WRONG
from tests.oracle.ovs.passing import Passage, passage
from tests.oracle.ovs.pipeline import Pipeline
from tests.oracle.ovs.sequences import Campaign

LACKING = missing()
pytestmark = [pytest.mark.oracle, pytest.mark.skipif(bool(LACKING), reason=LACKING)]
ROWS = tomllib.loads((Path(__file__).parents[2] / "tables" / "bridge_sessions.toml").read_text("utf-8"))["row"]
TOLERATED = 0.01


@pytest.fixture(scope="module")
def switch() -> Iterator[Passage]:
    with passage() as opened:
        yield opened


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_rows(switch: Passage, row: dict[str, Any]) -> None:
    flows = tuple(row["flows"].strip().splitlines())
    assert switch.judge.load(Pipeline((), flows, {}, True)).flows == flows
    switch.begin()
    for words, *expected in row["packets"]:
        found = switch.send(packet(words)).copies
        copies = [f"{port} {h.src}:{h.sport} > {h.dst}:{h.dport}" for port, h in found]
        assert sorted(copies) == sorted(expected), words


def test_ruleparse_says_what_the_switch_does() -> None:
    campaign = Campaign("tests")
    campaign.run(seconds=20)
    told = "\n".join(campaign.report())
    assert campaign.total.total(), told
    assert not campaign.total[SILENT], told
    assert campaign.total[WRONG] <= campaign.total.total() * TOLERATED, told
