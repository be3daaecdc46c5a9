"""What `ip` and `sysctl` print of a node, and how its kernel routes: who owns an address, where a packet leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ruleparse.program import Table
from ruleparse.routing import read_interface, read_route, read_rule, sysctl
from ruleparse.routing.fib import Fib, fib_tables
from ruleparse.routing.join import joined_interfaces, joined_neighbours, joined_routes, joined_rules, joined_settings
from ruleparse.routing.model import Interfaces, Neighbours, PolicyRules, Routes
from ruleparse.routing.overlay import Overlay, overlay_of
from ruleparse.routing.read_neighbour import read_forwarding, read_neighbours
from ruleparse.routing.sysctl import Settings
from ruleparse.text import Diagnostic, Source

__all__ = ["Overlay", "Routing", "fib_tables", "read_routing"]


@dataclass(slots=True)
class Routing:
    """All that was saved of a node's routing."""

    routes: Routes = field(default_factory=Routes)
    rules: PolicyRules = field(default_factory=PolicyRules)
    interfaces: Interfaces = field(default_factory=Interfaces)
    sysctl: Settings = field(default_factory=Settings)
    neighbours: Neighbours = field(default_factory=Neighbours)
    _fibs: dict[int, Fib] = field(default_factory=dict)

    def fib(self, family: int) -> Fib:
        if family not in self._fibs:
            self._fibs[family] = fib_tables(family, self.routes, self.rules, self.interfaces, self.sysctl)
        return self._fibs[family]

    def tables(self, family: int) -> Mapping[str, Table]:
        """The tables "fib", "address type", "masquerade", "redirect" and those they call (`routing/fib.py`)."""
        return self.fib(family).tables

    def policy_routing(self, family: int) -> bool:
        """Whether there are policy rules besides the standard ones."""
        return any(r.family == family and r.priority not in (0, 32766, 32767) for r in self.rules.rules)

    def some_routes(self, family: int) -> bool:
        return self.routes.some(family)

    def knows_addresses(self, family: int) -> bool:
        """Whether the node's own addresses were saved, by themselves or as routes of table local."""
        routes = self.routes
        return family in self.interfaces.families | routes.complete or (family, "local") in routes.tables

    @property
    def device_groups(self) -> Mapping[str, int] | None:
        """The number of each interface's group, None if no interfaces were saved."""
        if not self.interfaces.links:
            return None
        return {i.name: int(i.group or 0) for i in self.interfaces if (i.group or "0").isdecimal()} | {
            i.name: 0 for i in self.interfaces if i.group == "default"
        }

    def mac_of(self, interface: str) -> int | None:
        """The Ethernet address of an interface, None if it was not saved."""
        found = self.interfaces.named(interface)
        return found.mac if found is not None else None

    def overlay(self, interface: str, family: int, next_hop: int | None) -> Overlay | None:
        """The tunnel that an interface is, None if it is none or nothing was saved of it."""
        link = self.interfaces.named(interface)
        return None if link is None else overlay_of(link, family, next_hop, self.neighbours)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What the readers have to say."""
        parts = (self.routes, self.rules, self.interfaces, self.sysctl, self.neighbours)
        return [d for part in parts for d in part.diagnostics]

    @property
    def notes(self) -> list[Diagnostic]:
        """What was taken for granted in making the tables that were asked for."""
        return [d for fib in self._fibs.values() for d in fib.diagnostics]


def read_routing(
    texts: Mapping[str, list[Source]], family_hint: Callable[[str], int | None] = lambda _: None
) -> Routing:
    """The routing of one node from its texts by kind: `ip-route`, `ip-rule`, `ip-addr`, `ip-link`, `sysctl`,
    `ip-neigh`, `bridge-fdb`.
    """

    def of(*kinds: str) -> list[Source]:
        return [source for kind in kinds for source in texts.get(kind, [])]

    return Routing(
        joined_routes(read_route.read(s, family_hint=family_hint(s.name)) for s in of("ip-route")),
        joined_rules(read_rule.read(s, family_hint=family_hint(s.name)) for s in of("ip-rule")),
        joined_interfaces(read_interface.read(s) for s in of("ip-addr", "ip-link")),
        joined_settings(sysctl.read(s) for s in of("sysctl")),
        joined_neighbours([*map(read_neighbours, of("ip-neigh")), *map(read_forwarding, of("bridge-fdb"))]),
    )
