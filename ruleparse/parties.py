"""Who may talk to whom, as one node sees it: its pods, endpoints elsewhere, services, the node, networks, the outside.

A party is a set of packets that is written out in full: the addresses and the interface that they come from, or the
addresses, protocol and port that they go to. So it does not matter to an answer how a party was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.cni.names import Names
from ruleparse.codec import ALL_ONES, Prefix, interface, prefix, protocol, show_address
from ruleparse.packet import Packet
from ruleparse.routing.model import Route
from ruleparse.sets.readable import show_values
from ruleparse.snapshot import SERVICE_DEVICES, Snapshot

ADDRESSES = "addresses"
KINDS = ("pod", "endpoint", "service", "node", "network", "outside", ADDRESSES)
"""`pod` has an interface here, `endpoint` is a pod or host elsewhere to which a service sends, `network` is what a
route leads to, `outside` all addresses that are nobody else's, `addresses` any that fare alike."""

_NOBODYS = {4: ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3"), 6: ("::/127", "fe80::/10", "ff00::/8")}
"""Addresses that no host has that could be asked: this host, loopback, link-local, multicast, reserved."""


@dataclass(frozen=True, slots=True)
class Party:
    """All `addresses` (any, if there are none) `but` for some. As a source it comes in by one of `interfaces` (any, if
    there are none), as a service it has a protocol and a port. `remark` is what else is known of it.
    """

    kind: str
    name: str | None = None
    remark: str | None = None
    addresses: tuple[Prefix, ...] = ()
    but: tuple[Prefix, ...] = ()
    interfaces: tuple[str, ...] = ()
    proto: int | None = None
    port: int | None = None

    @property
    def where(self) -> str:
        """`10.244.1.7`, `10.96.0.10:53`, `10.244.0.0/24 and 3 more`"""
        if not self.addresses:
            return "other addresses" if self.but else "any address"
        first, *more = self.ranges
        if self.port is not None:
            return f"[{first}]:{self.port}" if ":" in first else f"{first}:{self.port}"
        return f"{first} and {len(more)} more" if more else first

    @property
    def ranges(self) -> list[str]:
        """Its addresses as prefixes or ranges, as people write them."""
        if self.kind != ADDRESSES:
            return [show_address(p.value, p.family) if p.mask == ALL_ONES[p.family] else str(p) for p in self.addresses]
        family = self.addresses[0].family
        return show_values(
            "src", [(p.value, p.mask) for p in self.addresses], ALL_ONES[family].bit_length(), family
        ).split(",")

    def sends(self, packet: Packet) -> Bool:
        """Whether a packet that arrives is from this party."""
        by = [bits.equal_masked(packet["in"], interface(name), -1) for name in self.interfaces]
        return bits.both(self._among(packet["src"]), bits.any_of(by) if by else True)

    def gets(self, packet: Packet) -> Bool:
        """Whether a packet is for this party."""
        ports = (("proto", self.proto), ("dport", self.port))
        asked = (bits.equal_masked(packet[name], value, -1) for name, value in ports if value is not None)
        return bits.all_of([self._among(packet["dst"]), *asked])

    def sends_itself(self, packet: Packet) -> Bool:
        """Whether a packet of the node has one of its addresses."""
        return self._among(packet["src"])

    def _among(self, address: Number) -> Bool:
        within = _one_of(address, self.addresses) if self.addresses else True
        return bits.without(within, _one_of(address, self.but))


def _one_of(address: Number, prefixes: Iterable[Prefix]) -> Bool:
    return bits.any_of(bits.equal_masked(address, p.value, p.mask) for p in prefixes)


@dataclass(frozen=True, slots=True)
class Parties:
    """Everybody, in the order of KINDS; pods and services by their names."""

    everybody: Sequence[Party]
    notes: Sequence[str]

    @property
    def sources(self) -> list[Party]:
        return [party for party in self.everybody if party.kind != "service"]


def parties_of(snapshot: Snapshot, names: Names, family: int) -> Parties:
    """All parties of one family that a node's dumps name."""
    return _Finder(snapshot, names, family).parties()


def device_to(snapshot: Snapshot, names: Names, family: int, address: int) -> str | None:
    """The device by which table main leads to an address."""
    return _device(_Finder(snapshot, names, family).way(address))


def own_addresses(snapshot: Snapshot, names: Names, family: int) -> list[str]:
    """The addresses that hosts reach this node at."""
    return [show_address(p.value, family) for party in _Finder(snapshot, names, family).node() for p in party.addresses]


class _Finder:
    def __init__(self, snapshot: Snapshot, names: Names, family: int) -> None:
        self.snapshot = snapshot
        self.names = names
        self.family = family
        self.cluster = names.cluster

    def parties(self) -> Parties:
        pods, elsewhere, services = self.pods(), list(self.elsewhere()), self.services()
        singles = tuple(p for party in (*pods, *elsewhere, *services) for p in party.addresses)
        networks = list(self.networks(singles))
        routed = tuple(p for party in networks for p in party.addresses)
        nobodys = tuple(prefix(text) for text in _NOBODYS[self.family])
        others = tuple(dict.fromkeys((*singles, *self.own, *routed, *self.unused, *nobodys)))
        outside = Party("outside", but=others, interfaces=self.default_devices)
        return Parties([*pods, *elsewhere, *services, *self.node(), *networks, outside], list(self.notes()))

    def notes(self) -> Iterator[str]:
        if not self.routes:
            six = "-6 " if self.family == 6 else ""
            yield f"who is behind which interface is not known: save `ip {six}route show table all`"
        if not self.own:
            yield "which addresses this node has is not known: save `ip addr`"

    # Single hosts

    def pods(self) -> list[Party]:
        """Hosts that a route leads to by a cable of their own; endpoints on a bridge of the node."""
        found: dict[int, str] = {}
        for route in self.routes:
            device = _device(route)
            if route.destination.mask == self.host and device and self.is_pods(route, device):
                found.setdefault(route.destination.value, device)
        of_cluster = self.cluster.addresses_of_pods(self.family) if self.cluster is not None else ()
        for value in (*self.served, *of_cluster):
            device = self.bridge_of(value)
            if device is not None:
                found.setdefault(value, device)
        everybody = (self.single("pod", value, device) for value, device in found.items())
        return sorted(everybody, key=_by_name)

    def elsewhere(self) -> Iterator[Party]:
        here = {p.value for p in self.own} | {p.value for pod in self.pods() for p in pod.addresses}
        others = (address for address in self.served if address not in here)
        yield from sorted((self.single("endpoint", a, _device(self.way(a))) for a in others), key=_by_name)

    def single(self, kind: str, value: int, device: str | None) -> Party:
        services = sorted({service.partition(":")[0] for service in self.served.get(value, [])})
        served = ", ".join(services[:2]) + (f" and {len(services) - 2} more" if len(services) > 2 else "")
        pod = self.cluster.pod_at(value) if self.cluster is not None else None
        if pod is not None:
            name, remark = pod.full_name, f"of {served}" if served else None
        else:
            name, remark = served, self.namespace(device) if kind == "pod" and not served else None
        return Party(kind, name or None, remark, (self.address(value),), interfaces=(device,) if device else ())

    def namespace(self, device: str | None) -> str | None:
        found = self.names.namespace(device) if device else None
        return f"namespace {found}" if found else None

    def is_pods(self, route: Route, device: str) -> bool:
        link = self.snapshot.routing.interfaces.named(device)
        cable = link is not None and link.kind == "veth"
        called = self.names.interface(device) or ""
        direct = all(hop.gateway is None for hop in route.hops)
        return direct and (cable or called.startswith("pod interface") or device.startswith(("veth", "cali", "lxc")))

    def bridge_of(self, address: int) -> str | None:
        """The device that reaches an address directly, where that is not the way to the outside."""
        route = self.way(address)
        if route is None or route.destination.mask in (0, self.host) or any(h.gateway is not None for h in route.hops):
            return None
        device = _device(route)
        return None if device in self.default_devices else device

    def services(self) -> list[Party]:
        """By address, protocol and port, as kube-proxy or IPVS knows them."""
        found: dict[tuple[int, int | None, int | None], str | None] = {}
        for value, portals in self.names.portals().items():
            for portal in portals:
                with suppress(ValueError):  # a protocol that there is not
                    found.setdefault((value, _protocol(portal.proto), portal.port), portal.service)
        for server in self.snapshot.virtual_servers or []:
            if server.family == self.family and not server.mark:
                service = self.cluster.service_at(server.address) if self.cluster is not None else None
                name = service.full_name if service is not None else None
                found.setdefault((server.address, server.proto, server.port or None), name)
        known = (
            Party("service", name, addresses=(self.address(value),), proto=proto, port=port)
            for (value, proto, port), name in found.items()
            if 0 <= value <= self.host
        )
        return sorted(known, key=_by_name)

    # The node and its networks

    def node(self) -> Iterator[Party]:
        if own := tuple(p for p in self.own if p.value not in self.balanced):
            yield Party("node", addresses=own)

    def networks(self, singles: Sequence[Prefix]) -> Iterator[Party]:
        """What routes lead to, by the device that leads there."""
        by_device: dict[str, list[Prefix]] = {}
        for route in self.routes:
            device = _device(route)
            if route.type == "unicast" and route.destination.mask and device and route.destination not in singles:
                by_device.setdefault(device, []).append(route.destination)
        for device, found in by_device.items():
            prefixes = tuple(sorted(dict.fromkeys(found), key=lambda p: p.value))
            others = (q for other, more in by_device.items() if other != device for q in more)
            inside = tuple(dict.fromkeys(p for p in (*singles, *self.own, *self.ends, *others) if _in(p, prefixes)))
            yield Party("network", None, f"by {device}", prefixes, inside, (device,))

    @cached_property
    def routes(self) -> list[Route]:
        """Of table main; link-local ones are nobody's."""
        return [
            r
            for r in self.snapshot.routing.routes.routes
            if (r.family, r.table) == (self.family, "main") and r.destination.value >> 118 != 0b1111111010
        ]

    @cached_property
    def default_devices(self) -> tuple[str, ...]:
        ways_out = (
            r for r in self.snapshot.routing.routes.routes if r.family == self.family and not r.destination.mask
        )
        return tuple(dict.fromkeys(hop.out for r in ways_out for hop in r.hops if hop.out))

    @cached_property
    def unused(self) -> tuple[Prefix, ...]:
        """Where nothing is behind: `blackhole`, `unreachable`."""
        return tuple(r.destination for r in self.routes if r.type != "unicast" and r.destination.mask)

    @cached_property
    def own(self) -> tuple[Prefix, ...]:
        routing = self.snapshot.routing
        given = [
            a.value
            for i in routing.interfaces
            if not i.loopback
            for a in i.addresses
            if self.is_hosts(a.family, a.value)
        ]
        local = [r for r in routing.routes.routes if (r.family, r.type) == (self.family, "local")]
        known = [r.destination.value for r in local if r.destination.mask == self.host]
        return tuple(self.address(v) for v in dict.fromkeys([*given, *known]) if self.is_hosts(self.family, v))

    @cached_property
    def balanced(self) -> set[int]:
        """Addresses that the node has for services' sake."""
        devices = filter(None, map(self.snapshot.routing.interfaces.named, SERVICE_DEVICES))
        return {a.value for device in devices for a in device.addresses}

    @cached_property
    def ends(self) -> tuple[Prefix, ...]:
        """Broadcast addresses."""
        routes = self.snapshot.routing.routes.routes
        return tuple(r.destination for r in routes if (r.family, r.type) == (self.family, "broadcast"))

    def is_hosts(self, family: int, value: int) -> bool:
        return family == self.family and not _in(self.address(value), [prefix(text) for text in _NOBODYS[family]])

    @cached_property
    def served(self) -> dict[int, list[str]]:
        """Endpoints of services, with the services."""
        found = {a: s for a, s in self.names.endpoints_of_services().items() if 0 <= a <= self.host}
        for server in self.snapshot.virtual_servers or []:
            for real in server.servers:
                if real.family == self.family:
                    found.setdefault(real.address, [])
        return {a: s for a, s in found.items() if self.address(a) not in self.own}

    def way(self, address: int) -> Route | None:
        """The route of table main to an address."""
        fitting = (
            r for r in self.routes if r.type == "unicast" and address & r.destination.mask == r.destination.value
        )
        return max(fitting, key=lambda r: r.destination.mask, default=None)

    @property
    def host(self) -> int:
        """The mask of a single address, and the largest address."""
        return ALL_ONES[self.family]

    def address(self, value: int) -> Prefix:
        return Prefix(value, self.host, self.family)


def _device(route: Route | None) -> str | None:
    return next((hop.out for hop in route.hops if hop.out), None) if route is not None else None


def _in(p: Prefix, prefixes: Iterable[Prefix]) -> bool:
    return any(p.value & q.mask == q.value and p.mask >= q.mask for q in prefixes)


def _protocol(name: str | None) -> int | None:
    return None if name is None else protocol(name)


def _by_name(party: Party) -> tuple[bool, str, int, int]:
    return party.name is None, party.name or "", party.addresses[0].value, party.port or 0
