"""Flows that lint says are never reached are deleted from a real switch: every packet is traced as before."""

from __future__ import annotations

import re

import pytest

from ruleparse.lint.flows import bridges
from ruleparse.lint.rules.flow_never_reached import shadowed
from tests.bridges import snapshot
from tests.oracle.ovs.draw import draw, draw_packet
from tests.oracle.ovs.judge import Judge, Refused, judge
from tests.oracle.ovs.pipeline import BRIDGE, Packet
from tests.oracle.ovs.trace import Trace

PIPELINES, PACKETS = 40, 40


@pytest.mark.oracle
def test_idle_flows_can_be_deleted() -> None:
    idle = 0
    with judge() as ovs:
        for number in range(PIPELINES):
            pipeline, site = draw(f"lint {number}")
            try:
                ovs.load(pipeline)
            except Refused:
                continue
            packets = [draw_packet(site, pipeline.connections) for _ in range(PACKETS)]
            before = traced(ovs, packets)
            idle += delete_idle(ovs)
            assert traced(ovs, packets) == before, f"pipeline {number}"
    assert idle > PIPELINES


def delete_idle(ovs: Judge) -> int:
    """Delete all at once: what takes the packets of one is not idle itself, or others take its packets."""
    texts = ovs.dump("OpenFlow15", ("--no-names", "--no-stats"))
    (flows,) = bridges(snapshot(texts["flows.txt"], texts["groups.txt"]))
    found = [placed for table in flows.tables for placed, _ in shadowed(flows, table)]
    for placed in found:
        flow = placed.flow
        match = f"table={flow.table},priority={flow.priority}" + (f",{flow.match}" if flow.match else "")
        ovs.ovs.ofctl("-O", "OpenFlow15", "--strict", "del-flows", BRIDGE, match)
    left = ovs.dump("OpenFlow15", ("--no-names", "--no-stats"))["flows.txt"]
    assert left.count("actions=") == texts["flows.txt"].count("actions=") - len(found)
    return len(found)


def traced(ovs: Judge, packets: list[Packet]) -> list[list[str] | str]:
    return [actions(trace) if isinstance(trace, Trace) else str(trace) for trace in ovs.traces(packets)]


def actions(trace: Trace) -> list[str]:
    """What the datapath does; recirculations are numbered as they come."""
    return [re.sub(r"recirc\(0x\w+\)|recirc_id=\w+", "recirc", segment.actions) for segment in trace.segments]
