"""Endpoints of Antrea's services in the buckets of groups, and in the flows that translate to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ruleparse.cni.saved_flows import SavedFlow, register_value
from ruleparse.codec import show_address
from ruleparse.lint.flows import Flows
from ruleparse.openflow.groups import Bucket, Group
from ruleparse.text import Span

_ADDRESS = re.compile(r"(?:set_field|load):(0x[0-9a-f]+)->(?:NXM_NX_REG3\[\]|reg3)(?![0-9])")
_PORT = re.compile(r"(?:set_field:(0x[0-9a-f]+)(?:/0x[0-9a-f]+)?->reg4|load:(0x[0-9a-f]+)->NXM_NX_REG4\[0\.\.15\])")
_PORT_BITS = 0xFFFF


class Endpoint(NamedTuple):
    """An IPv4 address and a port."""

    address: int
    port: int

    def __str__(self) -> str:
        return f"{show_address(self.address, 4)}:{self.port}"


def of_bucket(bucket: Bucket) -> Endpoint | None:
    """The endpoint that a bucket stands for, None if it is none of IPv4."""
    return _written(str(bucket))


def of_flow(flow: SavedFlow) -> Endpoint | None:
    """The endpoint that a flow sets (one that was learned for a client), None if it is none of IPv4."""
    return _written(",".join(map(str, flow.actions)))


def _written(actions: str) -> Endpoint | None:
    address, port = _ADDRESS.search(actions), _PORT.search(actions)
    if address is None or port is None:
        return None
    return Endpoint(int(address[1], 0), int(port[1] or port[2], 0) & _PORT_BITS)


def translated(flows: Flows) -> set[Endpoint]:
    """Endpoints that flows of EndpointDNAT translate to."""
    found = set()
    for flow in flows.antrea.flows("EndpointDNAT"):
        address, port = flow.matched("reg3"), register_value(flow.match.get("reg4", "").partition("/")[0])
        if address is not None and port is not None:
            found.add(Endpoint(address, port & _PORT_BITS))
    return found


def buckets(flows: Flows) -> Iterator[tuple[Group, Bucket, Endpoint]]:
    """Every bucket that stands for an endpoint."""
    for group in (flows.groups or {}).values():
        for bucket in group.buckets:
            endpoint = of_bucket(bucket)
            if endpoint is not None:
                yield group, bucket, endpoint


def group_span(group: Group) -> Span:
    """The line of a group without what indents it."""
    span = group.span
    return Span(span.source, span.start + len(span.text) - len(span.text.lstrip()), span.end)


def bucket_span(group: Group, bucket: Bucket) -> Span:
    """The words of a bucket in the line of its group; the whole line if they are written otherwise."""
    text, span = group.span.text, group.span
    starts = [found.start() for found in re.finditer("bucket=", text)]
    index = next(n for n, other in enumerate(group.buckets) if other is bucket)
    if len(starts) != len(group.buckets):
        return group_span(group)
    end = starts[index + 1] - 1 if index + 1 < len(starts) else len(text.rstrip())
    return Span(span.source, span.start + starts[index], span.start + end)
