"""What the packets walked so far leave to the next: connections."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from ruleparse.bits import Bool
from ruleparse.netfilter.tracking.generated import generated
from ruleparse.netfilter.tracking.tables import tables_of
from ruleparse.netfilter.tracking.tcp_settings import Settings
from ruleparse.netfilter.tracking.tracker import Tracker
from ruleparse.packet import Packet
from ruleparse.program import Stop, Table


@dataclass
class NodeMemory:
    """Implements worlds.Remembered."""

    tracker: Tracker

    @classmethod
    def fresh(cls, sysctl: Mapping[str, str]) -> NodeMemory:
        """As right after the rules were loaded: no connection was seen."""
        return cls(Tracker(Settings.of(sysctl)))

    def copy(self) -> NodeMemory:
        return NodeMemory(self.tracker.copy())

    def tables(self, family: int) -> Mapping[str, Table]:
        return tables_of(self.tracker, family)

    def generated(self, packet: Packet, stop: Stop, family: int) -> Packet | None:
        return generated(packet, stop.detail, family)

    def joined(self, other: NodeMemory, when: Bool) -> NodeMemory:
        return NodeMemory(self.tracker.joined(other.tracker, when))

    @property
    def open(self) -> int:
        return self.tracker.open

    def settle(self, region: Bool) -> None:
        self.tracker.settle(region)

    def conclude(
        self, start: Packet, end: Packet, region: Bool, family: int, known: Mapping[tuple[str, Hashable], int]
    ) -> None:
        self.tracker.conclude(start, end, region, family, self.tracker.settings.answered(known))
