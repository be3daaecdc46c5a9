"""What an inventory is made of. `ruleparse show --format json` prints these, field by field."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class File:
    """A text and what it is."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class ChainRule:
    """A rule as it stands in the dump, what it does and what that means."""

    number: int
    line: int
    text: str
    effect: str
    says: str | None


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain; its rules where somebody asked for it."""

    name: str
    means: str | None
    rules: int
    policy: str | None
    called_by: tuple[str, ...] = ()
    listed: tuple[ChainRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `key` is what its chains' names begin with: `filter`, or `nft filter` where there is legacy, too."""

    tool: str
    """`iptables`, `ip6tables-nft` …"""
    name: str
    key: str
    chains: int
    rules: int
    listed: tuple[Chain, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """Who wrote the rules of a family."""

    family: int
    writers: tuple[str, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service sends packets to, and how often; `pod` where it is known."""

    address: str
    share: float
    pod: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """An address and port of a service; `address` is None for those of the node."""

    reach: str
    address: str | None
    port: int | None


@dataclass(frozen=True, slots=True)
class Choice:
    """Ways that lead to the same endpoints. `refused` says why there are none; `affinity` for how many seconds a
    client keeps its endpoint (0: nobody says how long).
    """

    ways: tuple[Way, ...]
    endpoints: tuple[Endpoint, ...]
    affinity: int | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A service, or one of its ports; without a name where no dump has it."""

    name: str | None
    protocol: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class End:
    """A pod or a host endpoint and the policies that hold it; None where none selects it."""

    kind: str
    interface: str
    name: str | None
    namespace: str | None
    addresses: tuple[str, ...]
    ingress: tuple[str, ...] | None
    egress: tuple[str, ...] | None
    chains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Set:
    """An ipset; `type` and `members` are None where it was not saved."""

    name: str
    type: str | None
    members: int | None
    means: str | None
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MarkBits:
    """Bits of the packet mark that every rule takes together; `cleared_by` are also those that turn them."""

    bits: str
    means: str | None
    set_by: tuple[str, ...]
    cleared_by: tuple[str, ...]
    tested_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlowLine:
    """A flow, and what it means."""

    priority: int
    match: str
    actions: str
    line: int
    says: str | None


@dataclass(frozen=True, slots=True)
class FlowTable:
    """A table of a bridge, as the dump calls it and as who wrote it does; its flows where somebody asked for it."""

    table: str
    name: str | None
    purpose: str | None
    flows: int
    listed: tuple[FlowLine, ...] = ()


@dataclass(frozen=True, slots=True)
class BridgePort:
    number: int
    name: str
    up: bool
    addresses: tuple[str, ...]
    pod: str | None
    isolated: tuple[str, ...]
    """`ingress`, `egress`: where only what a policy allows gets through"""


@dataclass(frozen=True, slots=True)
class BridgeGroup:
    number: int
    type: str
    buckets: int
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A conjunction: what it does to which packets."""

    table: str
    conjunction: int
    priority: int
    says: str


@dataclass(frozen=True, slots=True)
class Bridge:
    name: str
    writers: tuple[str, ...]
    tables: tuple[FlowTable, ...]
    ports: tuple[BridgePort, ...]
    services: tuple[Service, ...]
    groups: tuple[BridgeGroup, ...]
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """All of a node, or what is about one name."""

    files: tuple[File, ...] = ()
    families: tuple[Family, ...] = ()
    services: tuple[Service, ...] = ()
    ends: tuple[End, ...] = ()
    sets: tuple[Set, ...] = ()
    marks: tuple[MarkBits, ...] = ()
    bridges: tuple[Bridge, ...] = field(default=())
