"""Flows, groups and ports of a bridge, as ovs-ofctl takes them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Flow:
    table: int
    priority: int
    match: str
    actions: str
    cookie: int

    def __str__(self) -> str:
        where = (f"cookie={self.cookie:#x}", f"table={self.table}", f"priority={self.priority}")
        return ",".join(filter(None, (*where, self.match))) + f" actions={self.actions}"


@dataclass(frozen=True)
class Group:
    number: int
    buckets: tuple[str, ...]

    def __str__(self) -> str:
        buckets = (f"bucket=bucket_id:{place},weight:100,actions={text}" for place, text in enumerate(self.buckets))
        return ",".join((f"group_id={self.number}", "type=select", *buckets))


@dataclass
class Bridge:
    name: str
    protocol: str
    """the OpenFlow version in which its controller speaks"""
    ports: dict[str, int]
    tables: dict[int, str]
    """names that the controller gives to tables; empty for one that gives none"""
    flows: list[Flow] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
