"""What a random pipeline is made of: flows, groups, ports."""

from __future__ import annotations

from dataclasses import dataclass

BRIDGE = "br-int"


@dataclass(frozen=True, slots=True)
class Flow:
    """`cookie`, where it is not 0, is printed with the flow."""

    table: int
    priority: int
    match: tuple[str, ...]
    actions: tuple[str, ...]
    cookie: int = 0

    def __str__(self) -> str:
        head = [f"cookie={self.cookie:#x}", f"table={self.table}", f"priority={self.priority}", *self.match]
        return ",".join(head) + f" actions={','.join(self.actions) or 'drop'}"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`groups` and `flows` as ovs-ofctl takes them; `names` of tables, for pipelines that have some."""

    groups: tuple[str, ...]
    flows: tuple[str, ...]
    names: dict[int, str]
    connections: bool
    """whether packets are tracked, so that states can be given for them"""

    def bundle(self) -> str:
        """One OpenFlow bundle: out with all there is, in with this."""
        lines = ["flow delete", "group delete", *(f"group add {group}" for group in self.groups)]
        return "\n".join([*lines, *(f"flow add {flow}" for flow in self.flows)]) + "\n"


@dataclass(frozen=True, slots=True)
class Packet:
    """`flow` as ofproto/trace takes it, `states` what conntrack finds at the first, second … look (--ct-next)."""

    flow: str
    states: tuple[str, ...] = ()

    @property
    def request(self) -> list[str]:
        options = [word for state in self.states for word in ("--ct-next", state)]
        return ["ofproto/trace", BRIDGE, self.flow, *options]
