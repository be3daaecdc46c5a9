"""Bridges of a few lines, and packets asked about in them."""

from collections.abc import Iterable, Mapping, Sequence

from ruleparse.openflow.bridges import read_bridges
from ruleparse.snapshot import Snapshot
from ruleparse.text import Source
from ruleparse.why_bridge import BridgeAnswer, BridgeOutcome, why_bridge

SIX = {f"p{n}": n for n in range(1, 7)}


def show(ports: Mapping[str, int]) -> str:
    """Ports as `ovs-ofctl show` lists them, the local one with them."""
    rows = [*((str(number), name) for name, number in ports.items()), ("LOCAL", "br0")]
    return "".join(
        f" {n}({name}): addr:aa:55:aa:55:00:00\n     config:     0\n     state:      LIVE\n" for n, name in rows
    )


def snapshot(
    flows: str, groups: str = "", ports: Mapping[str, int] | None = None, shown: str | None = None
) -> Snapshot:
    """With `ports` as they are if none are named; `shown` is the whole text about them."""
    listed = [Source("ports.txt", shown or show(SIX if ports is None else ports))] if ports != {} else []
    bridges = read_bridges([Source("flows.txt", flows)], [Source("groups.txt", groups)] if groups else [], listed)
    return Snapshot(bridges=bridges)


def ask(
    flows: str,
    packet: str,
    groups: str = "",
    ct_next: Sequence[str] = (),
    ports: Mapping[str, int] | None = None,
    shown: str | None = None,
) -> BridgeAnswer:
    return why_bridge(
        snapshot(flows, groups, ports, shown), {"bridge": "br0", "flow": packet, "ct_next": list(ct_next)}
    )


def path(outcome: BridgeOutcome) -> list[tuple[int | None, int | None]]:
    """Table and priority of every step; no priority where a table had no flow."""
    return [(s.number, s.priority) for s in outcome.steps]


def ports_of(outcomes: Iterable[BridgeOutcome]) -> list[int]:
    return sorted(e.port for o in outcomes for e in o.egress if e.port is not None)
