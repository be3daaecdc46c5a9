"""Where a node's bridges and its own interfaces meet.

A bridge's internal ports are interfaces of the host: what the bridge sends there comes in at the host, and what the
host sends there enters the bridge. Its other ports are attached to it: the host does not see their packets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ruleparse.openflow.ports import LOCAL
from ruleparse.openflow.program import BridgeProgram
from ruleparse.packet import Assumption
from ruleparse.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a bridge, by its name on both sides. `rests_on` is what was taken for granted."""

    bridge: BridgeProgram
    number: int
    name: str
    internal: bool
    rests_on: tuple[Assumption, ...] = ()


class Attached:
    """The ports of all bridges of a node."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.ports = {port.name: port for bridge in _bridges(snapshot) for port in self._ports(bridge)}

    def internal(self, name: str | None) -> Port | None:
        """The port that is this interface of the host, None if it is none."""
        port = self.ports.get(name or "")
        return port if port is not None and port.internal else None

    def outside(self, name: str | None) -> Port | None:
        """The port of this name whose packets the host does not see, None if there is none."""
        port = self.ports.get(name or "")
        return None if port is None or port.internal else port

    def _ports(self, bridge: BridgeProgram) -> Iterator[Port]:
        for saved in bridge.port_list.saved.values():
            internal = self._is_internal(saved.number, saved.name)
            sure = internal is not None
            rests_on = () if sure else (_taken_for_internal(saved.name, bridge.name),)
            yield Port(bridge, saved.number, saved.name, internal is not False and self._is_named(saved.name), rests_on)

    def _is_internal(self, number: int, name: str) -> bool | None:
        """None where no interfaces were saved."""
        link = self.snapshot.routing.interfaces.named(name)
        if link is None:
            return False if self.snapshot.routing.interfaces.links else None
        return number == LOCAL or (link.master is None and link.kind != "veth" and self._is_named(name))

    def _is_named(self, name: str) -> bool:
        """Whether the host does something with an interface: it has an address, or is named by routes or rules."""
        link = self.snapshot.routing.interfaces.named(name)
        return bool(link and link.addresses) or name in self.snapshot.interfaces_named


def _taken_for_internal(name: str, bridge: str) -> Assumption:
    return Assumption(f"{name} is an internal port of bridge {bridge}", "ip -d link", presumed=True)


def _bridges(snapshot: Snapshot) -> Iterator[BridgeProgram]:
    for name in snapshot.bridge_names:
        program = snapshot.bridge(name)
        if program is not None:
            yield program
