"""Flows of any shape, for tables between those that look like Antrea's, and in their place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.oracle.ovs.actions import output, random_change, track
from tests.oracle.ovs.blanks import Kind
from tests.oracle.ovs.matches import random_kind, random_match
from tests.oracle.ovs.world import BRIDGE_PORTS, FIRST_POD, GATEWAY, Site

LEARNED = "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15]"


@dataclass(slots=True)
class Wild:
    """`forks` is what is left of the flows that send a packet on twice: each of them may double the work of a trace.

    Action sets and conntrack are never in one pipeline: ovs-vswitchd 3.1 aborts on a pending action set at ct().
    """

    site: Site
    tables: list[int]
    tracked: bool
    groups: int
    forks: int = 3

    def row(self, table: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Match and actions of a flow."""
        kind = random_kind(self.site, self.tracked)
        return random_match(self.site, kind), tuple(self._actions(kind, table))

    def group(self, number: int) -> str:
        """Its buckets go on behind the middle, and only flows before it come here, so that nothing turns in circles."""
        random, site = self.site.random, self.site
        shape = random.choice(("select", "select", "hash", "all", "indirect", "fast_failover"))
        head = f"group_id={number},type={'select' if shape == 'hash' else shape}"
        if shape == "hash":
            head += ",selection_method=hash,fields(ip_src,ip_dst)"
        count = 1 if shape in ("indirect", "all") else random.choice((1, 2, 3))
        buckets = []
        for place in range(count):
            changes = [random_change(site, Kind()) for _ in range(random.choice((0, 1, 2)))]
            end = f"resubmit(,{random.choice(self._behind)})" if self._behind and site.chance(0.6) else output(site)
            extra = f"weight:{random.choice((50, 100))}," if head.count("select") else ""
            extra += f"watch_port:{random.choice((GATEWAY, FIRST_POD))}," if shape == "fast_failover" else ""
            buckets.append(f"bucket=bucket_id:{place},{extra}actions={','.join([*changes, end])}")
        return ",".join([head, *buckets])

    @property
    def _middle(self) -> int:
        return self.tables[len(self.tables) // 2]

    @property
    def _behind(self) -> list[int]:
        return [table for table in self.tables if table > self._middle]

    def _actions(self, kind: Kind, table: int) -> Iterator[str]:
        later = [other for other in self.tables if other > table]
        end = self._end(kind, table, later)
        if end == ["drop"]:
            yield "drop"
            return
        for _ in range(self.site.random.choice((0, 0, 1, 1, 2, 3))):
            yield random_change(self.site, kind)
        if not kind.tagged and self.site.chance(0.04):
            yield "push_vlan:0x8100,set_field:4106->vlan_vid"
        yield from end

    def _end(self, kind: Kind, table: int, later: list[int]) -> list[str]:
        ways = [self._drop, self._output, self._output, self._several, self._clone, self._leave]
        if later:
            ways += [self._resubmit] * 8 + [self._goto] * 6 + [self._learn]
            ways += [self._twice] * 2 if self.forks > 0 else []
            ways += [] if self.tracked else [self._write]
        if self.tracked and kind.family:
            ways += [self._track] * 5
        if self.groups and table < self._middle:
            ways += [self._group] * 3
        if self.site.chance(0.02):
            ways += [self._normal] * 4
        return self.site.random.choice(ways)(kind, later)

    def _group(self, kind: Kind, later: list[int]) -> list[str]:
        return [f"group:{self.site.random.randint(1, self.groups)}"]

    def _normal(self, kind: Kind, later: list[int]) -> list[str]:
        return ["NORMAL"]

    def _drop(self, kind: Kind, later: list[int]) -> list[str]:
        return ["drop"]

    def _output(self, kind: Kind, later: list[int]) -> list[str]:
        return [output(self.site)]

    def _several(self, kind: Kind, later: list[int]) -> list[str]:
        return [output(self.site), random_change(self.site, Kind()), output(self.site)]

    def _clone(self, kind: Kind, later: list[int]) -> list[str]:
        inner = [random_change(self.site, Kind()), output(self.site)]
        if later and self.forks > 0 and self.site.chance(0.4):
            self.forks -= 1
            inner[1] = f"resubmit(,{self.site.random.choice(later)})"
        return [f"clone({','.join(inner)})", output(self.site)]

    def _leave(self, kind: Kind, later: list[int]) -> list[str]:
        return [output(self.site), "exit", output(self.site)]

    def _resubmit(self, kind: Kind, later: list[int]) -> list[str]:
        port = self.site.random.choice(list(BRIDGE_PORTS.values())) if self.site.chance(0.1) else ""
        return [f"resubmit({port},{self.site.random.choice(later)})"]

    def _goto(self, kind: Kind, later: list[int]) -> list[str]:
        return [f"goto_table:{self.site.random.choice(later)}"]

    def _twice(self, kind: Kind, later: list[int]) -> list[str]:
        self.forks -= 1
        between = [random_change(self.site, Kind())] if self.site.chance(0.5) else []
        second = f"resubmit(,{self.site.random.choice(later)})" if self.site.chance(0.6) else output(self.site)
        return [f"resubmit(,{self.site.random.choice(later)})", *between, second]

    def _learn(self, kind: Kind, later: list[int]) -> list[str]:
        table = self.site.random.choice(later)
        return [f"learn(table={table},hard_timeout=300,priority=65000,cookie=0x20,{LEARNED})", f"resubmit(,{table})"]

    def _write(self, kind: Kind, later: list[int]) -> list[str]:
        inner = [f"set_field:{self.site.mac()}->eth_dst"] if self.site.chance(0.4) else []
        inner.append(f"output:{self.site.random.choice(list(BRIDGE_PORTS.values()))}")
        cleared = ["clear_actions"] if self.site.chance(0.3) else []
        return [*cleared, f"write_actions({','.join(inner)})", f"goto_table:{self.site.random.choice(later)}"]

    def _track(self, kind: Kind, later: list[int]) -> list[str]:
        behind = [output(self.site)] if self.site.chance(0.15) else []
        if later and not behind and self.forks > 0 and self.site.chance(0.15):
            self.forks -= 1
            behind = [f"resubmit(,{self.site.random.choice(later)})"]
        return [track(self.site, kind, later), *behind]
