"""Smaller pipelines with the same trouble."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tests.oracle.ovs.pipeline import Packet, Pipeline


def shrink(pipeline: Pipeline, still_wrong: Callable[[Pipeline], bool], seconds: float) -> Pipeline:
    """Deletes flows, many at a time, then fewer, while the trouble stays; then groups, one by one."""
    deadline = time.monotonic() + seconds
    size = len(pipeline.flows) // 2
    while size and time.monotonic() < deadline:
        at = 0
        while at < len(pipeline.flows) and time.monotonic() < deadline:
            fewer = replace(pipeline, flows=pipeline.flows[:at] + pipeline.flows[at + size :])
            if still_wrong(fewer):
                pipeline = fewer
            else:
                at += size
        size //= 2
    for group in pipeline.groups:
        fewer = replace(pipeline, groups=tuple(other for other in pipeline.groups if other != group))
        if time.monotonic() < deadline and still_wrong(fewer):
            pipeline = fewer
    return pipeline


def simplest_packet(packet: Packet, still_wrong: Callable[[Packet], bool]) -> Packet:
    """Without the states that do not matter."""
    for states in ((), packet.states[:1]):
        if still_wrong(simpler := replace(packet, states=states)):
            return simpler
    return packet
