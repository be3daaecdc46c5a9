"""A private switch with one bridge: pipelines go in, traces and dumps come out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from corpora.vswitchd import Died, Refused, Switch, switch
from tests.oracle.ovs import trace
from tests.oracle.ovs.pipeline import BRIDGE, Packet, Pipeline
from tests.oracle.ovs.trace import Trace
from tests.oracle.ovs.world import BRIDGE_PORTS

PATIENCE = 20
_LINE, _SHOWN = re.compile(r"-:(\d+):"), re.compile(r"(?m)^ +\S+ (\d+)/(\d+):")
_MOST_REFUSALS = 20


@dataclass(slots=True)
class Judge:
    """`ports` is the number in OpenFlow of each number in the datapath."""

    ovs: Switch
    ports: dict[int, int]
    _names: dict[int, str]

    def load(self, pipeline: Pipeline) -> Pipeline:
        """Make the bridge hold a pipeline. Returns it without the lines that the switch refuses.

        Raises:
            Refused: the switch refuses too many of them, or for a reason that is not in a line
        """
        self._name_tables(pipeline.names)
        for _ in range(_MOST_REFUSALS):
            try:
                self.ovs.ofctl("-O", "OpenFlow15", "bundle", BRIDGE, "-", text=pipeline.bundle())
            except Refused as refused:
                found = _LINE.search(str(refused))
                if found is None:
                    raise
                pipeline = _without(pipeline, int(found[1]))
            else:
                return pipeline
        raise Refused("a pipeline of which most lines are refused")

    def _name_tables(self, names: dict[int, str]) -> None:
        if names != self._names:
            commands = ["--", "clear", "bridge", BRIDGE, "flow_tables"]
            for number, name in names.items():
                commands += ["--", f"--id=@t{number}", "create", "Flow_Table", f"name={name}"]
                commands += ["--", "add", "bridge", BRIDGE, "flow_tables", f"{number}=@t{number}"]
            self.ovs.vsctl(*commands)
            self._names = names

    def traces(self, packets: Iterable[Packet]) -> list[Trace | Refused]:
        answers = self.ovs.control.ask_all(packet.request for packet in packets)
        return [answer if isinstance(answer, Refused) else trace.read(answer) for answer in answers]

    def dump(self, protocol: str, options: Sequence[str] = ()) -> dict[str, str]:
        """The files of a node that has this bridge."""
        texts = {"flows.txt": self.ovs.ofctl("-O", protocol, *options, "dump-flows", BRIDGE)}
        names = [option for option in options if "names" in option]
        texts["groups.txt"] = self.ovs.ofctl("-O", "OpenFlow15", *names, "dump-groups", BRIDGE)
        return texts | {"ports.txt": self.ovs.ofctl("-O", "OpenFlow15", "show", BRIDGE)}


def _without(pipeline: Pipeline, line: int) -> Pipeline:
    """Lines of a bundle count from 1, and start with two that delete."""
    place = line - 3
    groups, flows = list(pipeline.groups), list(pipeline.flows)
    if place < len(groups):
        del groups[place]
    else:
        del flows[place - len(groups)]
    return replace(pipeline, groups=tuple(groups), flows=tuple(flows))


@contextmanager
def judge() -> Iterator[Judge]:
    with switch(PATIENCE) as ovs:
        ovs.bridge(BRIDGE, BRIDGE_PORTS)
        shown = ovs.ask("dpif/show")
        ports = {int(datapath): int(openflow) for openflow, datapath in _SHOWN.findall(shown)}
        yield Judge(ovs, ports, {})


__all__ = ["Died", "Judge", "Refused", "judge"]
