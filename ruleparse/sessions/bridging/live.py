"""The program of a bridge through which packets pass one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ruleparse.openflow.fields import flow
from ruleparse.openflow.lookup import Classifier
from ruleparse.openflow.outputs import output_table
from ruleparse.openflow.program import BridgeProgram
from ruleparse.openflow.recirculation import ALONE, PASS, Tracking, by_itself
from ruleparse.packet import Packet
from ruleparse.program import Rule, Table
from ruleparse.sessions.bridging.learning import learn
from ruleparse.sessions.bridging.memory import BridgeMemory
from ruleparse.sessions.bridging.tracking import track


class LiveProgram(Mapping[str, Table]):
    """Tables by name, those of a bridge but for what depends on what it remembers. For one walk."""

    def __init__(self, bridge: BridgeProgram, memory: BridgeMemory) -> None:
        self.bridge = bridge
        self.memory = memory
        learned = output_table(bridge.port_list, bridge["start"].name, memory.ports, learns=True)
        self._made: dict[str, Table] = {"output": learned}

    def __getitem__(self, name: str) -> Table:
        if name not in self._made:
            self._made[name] = self._lasting(name) or self.bridge.flow_table(name, self._learned) or self.bridge[name]
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.bridge)

    def __len__(self) -> int:
        return len(self.bridge)

    def _learned(self, table: str, packet: Packet) -> Classifier | None:
        return self.memory.flows(table, pass_of(packet))

    def _lasting(self, name: str) -> Table | None:
        """Where a switch remembers something."""
        what = self.bridge.what_lasts.get(name.removesuffix(f" {ALONE}"))
        if what is None:
            return None
        if name.endswith(ALONE):
            return by_itself(name, name.removesuffix(f" {ALONE}"))

        def narrow(packet: Packet) -> Iterable[Rule]:
            if isinstance(what, Tracking):
                return (track(packet, what, self.memory),)
            return (learn(packet, what, self.bridge, self.memory, pass_of(packet)),)

        return Table(name, (), narrow=narrow)


def pass_of(packet: Packet) -> int:
    number = packet.values.get(PASS, 0)
    assert isinstance(number, int)
    return number


LIVE = flow("live")
