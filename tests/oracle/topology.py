"""The firewall's surroundings: links with realistic names, addresses, routes, and who lives behind them."""

from __future__ import annotations

import ipaddress
import random
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

LOOPBACK = {4: "127.0.0.1", 6: "::1"}
_ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


@dataclass(frozen=True, slots=True)
class Link:
    """An Ethernet link of the firewall; `hosts` are addresses that are found behind it."""

    name: str
    mac: str
    far_mac: str
    addresses: tuple[str, ...]
    hosts: tuple[str, ...]
    group: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """`ip route add KIND TO HOW`; `link` is where it leads ('' when nowhere)."""

    to: str
    link: str
    how: str = ""
    kind: str = ""
    table: str = "main"

    @property
    def family(self) -> int:
        return 6 if ":" in self.to or ":" in self.how else 4

    def command(self) -> str:
        way = f"dev {self.link}" if self.link else ""
        return f"route add {self.kind} {self.to} {self.how} {way} table {self.table}"


@dataclass(frozen=True)
class Site:
    """Everything about a node that is not its packet filter."""

    links: tuple[Link, ...]
    own: tuple[str, ...] = ()
    own_on_dummy: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[str, ...] = ()
    sysctls: dict[str, int] = field(default_factory=dict)

    DUMMY = "nodelocaldns"

    def link(self, name: str) -> Link:
        return next(link for link in self.links if link.name == name)

    def hosts(self, link: Link, family: int) -> list[str]:
        return of_family(link.hosts, family)

    def local(self, family: int) -> list[str]:
        """Addresses of the node itself, without 127.0.0.1 and ::1."""
        listed = [address for link in self.links for address in link.addresses] + [*self.own, *self.own_on_dummy]
        return [address.split("/")[0] for address in of_family(listed, family)]

    def services(self, family: int) -> list[str]:
        return of_family(_SERVICES, family)

    def strange(self, family: int) -> list[str]:
        return of_family(_STRANGE, family)

    def egress(self, destination: str) -> str:
        """A guess where packets to `destination` leave: longest prefix of the main table, no policy routing."""
        if destination not in self._egress:
            self._egress[destination] = self._longest_match(ipaddress.ip_address(destination))
        return self._egress[destination]

    @cached_property
    def _egress(self) -> dict[str, str]:
        ours = [address for family in (4, 6) for address in (*self.local(family), LOOPBACK[family])]
        return dict.fromkeys(ours, "lo")

    def _longest_match(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
        known = [(network.prefixlen, link) for network, link in self._networks if address in network]
        return max(known)[1] if known else ""

    @cached_property
    def _networks(self) -> list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str]]:
        known = [
            (ipaddress.ip_interface(address).network, link.name) for link in self.links for address in link.addresses
        ]
        for route in self.routes:
            if route.table == "main":
                to = _ANYWHERE[route.family] if route.to == "default" else route.to
                known.append((ipaddress.ip_network(to), route.link))
        return known

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Site:
        links = tuple(
            Link(**{**link, "addresses": tuple(link["addresses"]), "hosts": tuple(link["hosts"])})
            for link in data["links"]
        )
        return cls(
            links,
            tuple(data["own"]),
            tuple(data["own_on_dummy"]),
            tuple(Route(**route) for route in data["routes"]),
            tuple(data["rules"]),
            data["sysctls"],
        )


def of_family(addresses: Any, family: int) -> list[str]:
    return [address for address in addresses if (":" in address) == (family == 6)]


#: interface names as they are met on one node: the uplink first
_NAMES = (
    ("eth0", "cni0", "flannel.1"),
    ("eth0", "cali3f2a91c07b1", "cali9b0d14e7a22", "vxlan.calico"),
    ("ens5", "eni0a1b2c3d4e5", "eni6f7a8b9c0d1", "ens6"),
    ("eth0", "docker0", "br-1a2b3c4d5e6f"),
    ("bond0.100", "cali0123456789a", "tunl0-cali"),
    ("enp3s0", "virbr0", "wg0", "tun0"),
    ("eth0", "eth1", "eth10", "eth1.7"),
)
_UPLINK_HOSTS = (
    "192.168.10.1",
    "192.168.10.21",
    "192.168.10.22",
    "203.0.113.5",
    "203.0.113.77",
    "8.8.8.8",
    "172.31.5.9",
    "2001:db8:10::1",
    "2001:db8:10::21",
    "2001:db8:cafe::5",
    "2001:db8:cafe::77",
    "2606:4700::8888",
)
_SERVICES = (
    "10.96.0.1",
    "10.96.0.10",
    "10.96.44.3",
    "203.0.113.100",
    "fd00:10:96::1",
    "fd00:10:96::a",
    "fd00:10:96::44:3",
    "2001:db8:cafe::100",
)
_STRANGE = (
    "255.255.255.255",
    "192.168.10.255",
    "224.0.0.1",
    "239.1.2.3",
    "127.0.0.53",
    "0.0.0.0",
    "169.254.169.254",
    "198.51.100.7",
    "10.244.1.99",
    "240.0.0.1",
    "192.168.10.0",
    "ff02::1",
    "ff05::2",
    "::",
    "fe80::1",
    "2001:db8:dead::7",
    "::ffff:10.0.0.1",
    "64:ff9b::1",
    "fd00:10:244:1::63",
)
_LAST_OCTETS = (5, 6, 7, 130)


def random_site(rng: random.Random) -> Site:
    names = rng.choice(_NAMES)
    links = [_uplink(rng, names[0])]
    routes = [Route("default", names[0], "via 192.168.10.1"), Route("default", names[0], "via 2001:db8:10::1")]
    for number, name in enumerate(names[1:], 1):
        link, more = _inner_link(rng, number, name)
        links.append(link)
        routes += more
    rules, policy_routes = _policy_routing(rng, names)
    return Site(
        tuple(links),
        _own_addresses(rng),
        _dummy_addresses(rng),
        (*routes, *_dead_ends(rng), *policy_routes),
        rules,
        _sysctls(rng, names),
    )


def _mac(rng: random.Random, side: int) -> str:
    return f"02:42:{rng.randrange(256):02x}:{rng.randrange(256):02x}:{rng.randrange(256):02x}:{side:02x}"


def _uplink(rng: random.Random, name: str) -> Link:
    addresses = ["192.168.10.11/24", "2001:db8:10::b/64"]
    if rng.random() < 0.4:
        addresses += ["192.168.10.51/24", "2001:db8:10::33/64"]
    if rng.random() < 0.2:
        addresses += ["203.0.113.9/32"]
    if rng.random() < 0.3:
        addresses.append("fe80::b/64")
    return Link(name, _mac(rng, 1), _mac(rng, 2), tuple(addresses), _UPLINK_HOSTS, group=rng.choice((0, 0, 5)))


def _inner_link(rng: random.Random, number: int, name: str) -> tuple[Link, list[Route]]:
    v4, v6 = f"10.244.{number}", f"fd00:10:244:{number}:"
    hosts = [f"{v4}.{last}" for last in _LAST_OCTETS] + [f"{v6}:{last:x}" for last in _LAST_OCTETS]
    addresses: tuple[str, ...] = ()
    if name.startswith(("cali", "eni")) or rng.random() < 0.25:
        routes = [Route(f"{host}/{128 if ':' in host else 32}", name) for host in hosts]
        if rng.random() < 0.5:
            routes.append(Route(f"{v4}.0/26", "", kind=rng.choice(("blackhole", "unreachable"))))
    elif rng.random() < 0.6:
        addresses, routes = (f"{v4}.1/24", f"{v6}:1/64"), []
    else:
        addresses = (f"{v4}.0/32", f"{v6}:/128")
        routes = [Route(f"{v4}.0/24", name, f"via {v4}.254 onlink"), Route(f"{v6}:/64", name)]
    return Link(name, _mac(rng, 1), _mac(rng, 2), addresses, tuple(hosts), group=rng.choice((0, 0, 7))), routes


def _own_addresses(rng: random.Random) -> tuple[str, ...]:
    return ("169.254.20.10/32", "10.96.0.10/32", "fd00:10:96::a/128") if rng.random() < 0.3 else ()


def _dummy_addresses(rng: random.Random) -> tuple[str, ...]:
    return ("10.96.0.1/32", "fd00:10:96::1/128") if rng.random() < 0.3 else ()


def _dead_ends(rng: random.Random) -> list[Route]:
    kinds = ("blackhole", "unreachable", "prohibit")
    if rng.random() < 0.5:
        return []
    return [
        Route("198.51.100.0/24", "", kind=rng.choice(kinds)),
        Route("2001:db8:dead::/48", "", kind=rng.choice(kinds)),
    ]


def _policy_routing(rng: random.Random, names: tuple[str, ...]) -> tuple[tuple[str, ...], list[Route]]:
    """Tables chosen by mark or source, as AWS' CNI and WireGuard set them up."""
    if rng.random() < 0.6:
        return (), []
    rules = [
        "-4 rule add fwmark 0x80/0x80 lookup 100 pref 1024",
        "-6 rule add fwmark 0x80/0x80 lookup 100 pref 1024",
        "-4 rule add from 10.244.1.6 lookup 101 pref 1536",
    ]
    if rng.random() < 0.4:
        rules.append(f"-4 rule add iif {names[1]} to 172.31.0.0/16 lookup 102 pref 1540")
    if rng.random() < 0.3:
        rules.append("-4 rule add to 203.0.113.100 prohibit pref 1550")
    routes = [
        Route("default", names[-1], "via 10.244.2.254 onlink", table="100"),
        Route("::/0", names[-1], table="100"),
        Route("192.168.10.0/24", names[0], table="101"),
        Route("0.0.0.0/0", "", kind="unreachable", table="101"),
        Route("172.31.0.0/16", "", kind="throw", table="102"),
    ]
    return tuple(rules), routes


def _sysctls(rng: random.Random, names: tuple[str, ...]) -> dict[str, int]:
    changed = {}
    for chance, name, value in (
        (0.15, "net.ipv4.conf.all.rp_filter", 1),
        (0.10, f"net.ipv4.conf.{names[0].replace('.', '/')}.rp_filter", 2),
        (0.10, f"net.ipv4.conf.{names[1].replace('.', '/')}.rp_filter", 1),
        (0.15, "net.ipv4.conf.all.src_valid_mark", 1),
        (0.30, "net.ipv4.conf.all.route_localnet", 1),
        (0.08, f"net.ipv4.conf.{names[1].replace('.', '/')}.accept_local", 1),
        (0.04, "net.ipv4.ip_forward", 0),
        (0.04, f"net.ipv4.conf.{names[1].replace('.', '/')}.forwarding", 0),
        (0.15, "net.netfilter.nf_conntrack_tcp_loose", 0),
    ):
        if rng.random() < chance:
            changed[name] = value
    return changed
