"""A bridge of pods has lost its flows: it forwards everything like a plain switch, or nothing.

Why: without the agent's flows there are no policies, no services, no routing. A switch that restarts keeps nothing of
what was in it; with the flow of a fresh bridge (`priority=0 actions=NORMAL`) alone packets are flooded.

Fix: restart the agent, which writes the flows anew; see why it did not when ovs-vswitchd restarted. If the flows are
there and count no packets, `ovs-vsctl get Open_vSwitch . other_config:flow-restore-wait` must not be true.

Sure: certain that the flows are not there, where other files tell whose bridge it is: Antrea's by a port antrea-gw0 or
antrea-tun0, or chains ANTREA-… in the rules; OpenShift SDN's by ports tun0 and vxlan0. That all flows count no packet for more than ten minutes is a suspicion.

Example:

    # here
    cookie=0x0, duration=5321.1s, table=0, n_packets=81, n_bytes=6312, priority=0 actions=NORMAL
    # with another file of the node: *filter
    # with another file of the node: :FORWARD ACCEPT [0:0]
    # with another file of the node: :ANTREA-FORWARD - [0:0]
    # with another file of the node: -A FORWARD -m comment --comment "Antrea: jump to Antrea forwarding rules" -j ANTREA-FORWARD
    # with another file of the node: -A ANTREA-FORWARD -i antrea-gw0 -j ACCEPT
    # with another file of the node: COMMIT
"""  # noqa: E501

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from ruleparse.cni.antrea import GATEWAYS, TUNNELS
from ruleparse.lint.finding import Finding, LintRule, error, suspicion
from ruleparse.lint.flows import Flows, Placed

_FEW = 3
"""Flows that are no pipeline."""
_SINCE = 600
"""Seconds in which some packet passes."""
_COUNTS = re.compile(r"\bn_packets=(\d+)").findall


def find(flows: Flows) -> Iterator[Finding]:
    every = [placed for table in flows.tables for placed in flows.table(table)]
    if not every or not flows.whole or flows.unread:
        return
    first = min(every, key=lambda placed: placed.span.start)
    if flows.writer is None and len(every) <= _FEW and (owner := _owner(flows)):
        does = "it forwards like a plain switch" if any(p.does == "NORMAL" for p in every) else "it forwards nothing"
        message = f"{owner}'s flows are lost: of them there are {len(every)} here, and {does}"
        yield error(message, first.span)
    elif flows.writer == "antrea" and _silent(flows, every):
        message = "none of Antrea's flows counted a packet: does ovs-vswitchd wait for flows to be restored?"
        yield suspicion(message, first.span)


def _owner(flows: Flows) -> str:
    """Whose bridge it is, as far as other files tell."""
    ports = {port.name for port in flows.ports.saved.values()}
    chains = any(":ANTREA-" in dump.source.text for dump in flows.snapshot.dumps)
    if ports & {GATEWAYS[0], TUNNELS[0]} or (chains and len(list(flows.snapshot.bridges.flows)) == 1):  # type: ignore[union-attr]
        return "Antrea"
    return "OpenShift SDN" if ports >= {"tun0", "vxlan0"} else ""


def _silent(flows: Flows, every: list[Placed]) -> bool:
    """Whether flows that have been there for a while counted nothing."""
    counts = _COUNTS(flows.dump.source.text)
    return len(counts) >= len(every) and not any(map(int, counts)) and max(map(_age, every)) > _SINCE


def _age(placed: Placed) -> float:
    with suppress(ValueError):
        return float((placed.flow.count("duration") or "").removesuffix("s"))
    return 0


RULE = LintRule("bridge-without-pipeline", "error", in_bridge=find)
