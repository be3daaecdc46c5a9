"""The sets of `query` before a real switch: every witness leaves by the ports that its set stands for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from corpora.vswitchd import missing
from ruleparse.query.bridge import bridge_query
from ruleparse.query.host import Packets
from tests.bridges import snapshot
from tests.examples import TIMES
from tests.oracle.ovs.compare import of_trace
from tests.oracle.ovs.draw import draw
from tests.oracle.ovs.judge import Judge, judge
from tests.oracle.ovs.pipeline import BRIDGE, Packet, Pipeline
from tests.oracle.ovs.trace import Trace
from tests.pipelines import ASKED, FLOWS, GROUPS

LACKING = missing()
pytestmark = [pytest.mark.oracle, pytest.mark.skipif(bool(LACKING), reason=LACKING)]
EXAMPLES = 40 * TIMES
_PORT = re.compile(r"\bport (\d+)")


@pytest.fixture(scope="module")
def opened() -> Iterator[Judge]:
    with judge() as started:
        yield started


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=TIMES == 1,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(FLOWS)
def test_witnesses_of_random_pipelines(opened, flows):
    walk_through(opened, Pipeline(tuple(GROUPS.splitlines()), tuple(flows), {}, connections=True), f"{ASKED},nw_ttl=64")


@pytest.mark.parametrize("number", range(6 * TIMES))
def test_witnesses_of_pipelines_in_the_manner_of_antrea(opened: Judge, number: int) -> None:
    pipeline, _ = draw(f"query-{number}")
    assert walk_through(opened, pipeline, "in_port=3,tcp,nw_ttl=64,tp_src=1000,nw_dst=10.10.0.24")


def walk_through(opened: Judge, pipeline: Pipeline, asked: str) -> int:
    """How many witnesses were traced: those of sets that rest on nothing that a switch does not tell."""
    opened.load(pipeline)
    dump = opened.dump("OpenFlow15")
    saved = snapshot(dump["flows.txt"], dump["groups.txt"], shown=dump["ports.txt"])
    sure = [
        found
        for found in bridge_query(saved, {"bridge": BRIDGE, "flow": asked}).sets
        if found.probability == 1 and not found.assumptions
    ]
    traces = opened.traces(Packet(str(found.witness["flow"])) for found in sure)
    for found, trace in zip(sure, traces, strict=True):
        assert isinstance(trace, Trace), trace
        if not trace.stops_at_a_choice:
            assert of_trace(trace, opened.ports).ports == ports(found), trace.text
    return len(sure)


def ports(found: Packets) -> Counter[int]:
    return Counter(int(number) for number in _PORT.findall(found.egress or ""))
