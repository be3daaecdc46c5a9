"""Addresses, links, routes, rules and sysctls of a node, as iproute2 and sysctl print them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network

from .model import Family, family_of

QUEUES = "gso_max_size 65536 gso_max_segs 65535 tso_max_size 65536 tso_max_segs 65535 gro_max_size 65536 "
BRIDGE_DETAILS = (
    "bridge forward_delay 1500 hello_time 200 max_age 2000 ageing_time 30000 stp_state 0 priority 32768 "
    "vlan_filtering 0 vlan_protocol 802.1Q"
)


@dataclass(frozen=True)
class Link:
    """One interface. `peer` stands behind the @, `details` is the line `ip -d` adds."""

    name: str
    mac: str = ""
    addresses: tuple[str, ...] = ()
    mtu: int = 1500
    peer: str = ""
    master: str = ""
    netns: str = ""
    details: str = ""
    arp: bool = True
    up: bool = True
    queue: str = "noqueue"

    @property
    def is_loopback(self) -> bool:
        return self.name == "lo"

    @property
    def is_ethernet(self) -> bool:
        return bool(self.mac) and not self.is_loopback

    @property
    def all_addresses(self) -> tuple[str, ...]:
        if self.is_loopback:
            return ("127.0.0.1/8", "::1/128")
        return (*self.addresses, f"{link_local(self.mac)}/64") if self.is_ethernet and self.up else self.addresses

    def head(self, index: int, mode: str) -> str:
        state = "UNKNOWN" if self.is_loopback or not self.is_ethernet else "UP" if self.up else "DOWN"
        master = f" master {self.master}" if self.master else ""
        mtu = 65536 if self.is_loopback else self.mtu
        name = f"{self.name}@{self.peer}" if self.peer else self.name
        queue = self.queue if self.up else "noop"
        return f"{index}: {name}: <{self._flags()}> mtu {mtu} qdisc {queue}{master} state {state}{mode} group default"

    def _flags(self) -> str:
        if self.is_loopback:
            return "LOOPBACK,UP,LOWER_UP"
        kind = "BROADCAST,MULTICAST" if self.is_ethernet else "NOARP"
        noarp = "" if self.arp or not self.is_ethernet else ",NOARP"
        return kind + noarp + (",UP,LOWER_UP" if self.up else "")

    def hardware(self) -> str:
        if self.is_loopback:
            return "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00"
        if not self.is_ethernet:
            return "    link/ipip 0.0.0.0 brd 0.0.0.0"
        netns = f" link-netns {self.netns}" if self.netns else ""
        return f"    link/ether {self.mac} brd ff:ff:ff:ff:ff:ff{netns}"


LOOPBACK = Link("lo")


def link_local(mac: str) -> str:
    octets = [int(part, 16) for part in mac.split(":")]
    words = [octets[0] ^ 2, octets[1], octets[2], 0xFF, 0xFE, octets[3], octets[4], octets[5]]
    groups = [f"{words[i] << 8 | words[i + 1]:x}" for i in range(0, 8, 2)]
    return f"fe80::{':'.join(groups)}"


@dataclass(frozen=True)
class Route:
    """A route as iproute2 prints it: destination first, `via … dev … proto …` after."""

    destination: str
    rest: str
    table: str = "main"
    kind: str = ""

    def line(self) -> str:
        head = f"{self.kind} {self.destination}" if self.kind else self.destination
        table = "" if self.table == "main" else f" table {self.table}"
        device, separator, details = self.rest.partition(" proto ")
        if not separator and " scope " in self.rest:
            device, separator, details = self.rest.partition(" scope ")
        return f"{head} {device}{table}{separator}{details} "

    def order(self) -> tuple[int, int, int]:
        destination = "0.0.0.0/0" if self.destination == "default" else self.destination
        network = ip_network(destination, strict=False)
        table = {"main": 254, "local": 255}.get(self.table) or int(self.table)
        return (table, int(network.network_address), network.prefixlen)


@dataclass(frozen=True)
class HostNetwork:
    """What the ip tool says of a node."""

    links: tuple[Link, ...]
    routes: tuple[Route, ...] = ()
    routes6: tuple[str, ...] = ()
    rules: tuple[tuple[int, str], ...] = ()
    sysctls: dict[str, int | str] = field(default_factory=dict)

    def files(self) -> dict[str, str]:
        files = {
            "ip-addr.txt": ip_addr(self.links),
            "ip-link.txt": ip_link(self.links),
            "ip-route.txt": ip_route_all(self),
            "ip-rule.txt": ip_rule(self.rules, 4),
            "ip6-rule.txt": ip_rule((), 6),
        }
        if self.sysctls:
            files["sysctl.txt"] = "".join(f"{name} = {value}\n" for name, value in sorted(self.sysctls.items()))
        return files


def ip_addr(links: Iterable[Link]) -> str:
    lines = []
    for index, link in enumerate(links, 1):
        lines += [f"{link.head(index, '')} qlen 1000", link.hardware()]
        for text in link.all_addresses:
            lines += [_address_line(link, text), "       valid_lft forever preferred_lft forever"]
    return "".join(f"{line}\n" for line in lines)


def _address_line(link: Link, text: str) -> str:
    interface = ip_interface(text)
    scope = "host" if interface.ip.is_loopback else "link" if interface.ip.is_link_local else "global"
    if isinstance(interface, IPv6Interface):
        return f"    inet6 {text} scope {scope} "
    broadcast = f" brd {interface.network.broadcast_address}" if _has_broadcast(link, interface) else ""
    return f"    inet {text}{broadcast} scope {scope} {link.name}"


def _has_broadcast(link: Link, interface: IPv4Interface) -> bool:
    return interface.network.prefixlen < 31 and link.is_ethernet


def ip_link(links: Iterable[Link]) -> str:
    """`ip -d link`."""
    lines = []
    for index, link in enumerate(links, 1):
        promiscuity = f"promiscuity {int(bool(link.master))}  allmulti 0"
        common = f"addrgenmode eui64 numtxqueues 1 numrxqueues 1 {QUEUES}"
        hardware = f"{link.hardware()} {promiscuity} minmtu 68 maxmtu 65535"
        lines.append(f"{link.head(index, ' mode DEFAULT')} qlen 1000")
        lines += [f"{hardware} ", f"    {link.details} {common}"] if link.details else [f"{hardware} {common}"]
    return "".join(f"{line}\n" for line in lines)


def ip_route_all(host: HostNetwork) -> str:
    """`ip route show table all`."""
    routes = [*host.routes, *(route for link in host.links if link.up for route in _kernel_routes(link))]
    lines = [route.line() for route in sorted(routes, key=Route.order)]
    return "".join(f"{line}\n" for line in [*lines, *_ipv6_lines(host)])


def _kernel_routes(link: Link) -> Iterable[Route]:
    for text in link.all_addresses:
        interface = ip_interface(text)
        if isinstance(interface, IPv6Interface):
            continue
        address, network = str(interface.ip), interface.network
        by_kernel = f"dev {link.name} proto kernel scope"
        yield Route(address, f"{by_kernel} host src {address}", "local", "local")
        if link.is_loopback:
            yield Route(str(network), f"{by_kernel} host src {address}", "local", "local")
        elif network.prefixlen < 32:
            yield Route(str(network), f"{by_kernel} link src {address}")
        if link.is_loopback or _has_broadcast(link, interface):
            yield Route(str(network.broadcast_address), f"{by_kernel} link src {address}", "local", "broadcast")


def _ipv6_lines(host: HostNetwork) -> list[str]:
    main, local, multicast = [f"{route} pref medium" for route in host.routes6], [], []
    for link in host.links:
        for text in link.all_addresses if link.up else ():
            interface = ip_interface(text)
            if family_of(text) == 4:
                continue
            local.append(f"local {interface.ip} dev {link.name} table local proto kernel metric 0 pref medium")
            if not link.is_loopback and interface.network.prefixlen < 128:
                main.append(f"{interface.network} dev {link.name} proto kernel metric 256 pref medium")
        if link.is_ethernet and link.up:
            multicast.append(f"multicast ff00::/8 dev {link.name} table local proto kernel metric 256 pref medium")
    return main + local + multicast


def ip_rule(rules: Iterable[tuple[int, str]], family: Family) -> str:
    standard = [(0, "from all lookup local"), (32766, "from all lookup main")]
    if family == 4:
        standard.append((32767, "from all lookup default"))
    return "".join(f"{priority}:\t{text}\n" for priority, text in sorted([*standard, *rules]))


HOST_SYSCTLS: dict[str, int | str] = {
    "net.ipv4.conf.all.accept_local": 0,
    "net.ipv4.conf.all.route_localnet": 0,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.all.src_valid_mark": 0,
    "net.netfilter.nf_conntrack_checksum": 1,
    "net.netfilter.nf_conntrack_tcp_loose": 1,
}
KUBERNETES_SYSCTLS: dict[str, int | str] = HOST_SYSCTLS | {
    "net.bridge.bridge-nf-call-ip6tables": 1,
    "net.bridge.bridge-nf-call-iptables": 1,
    "net.ipv4.conf.all.forwarding": 1,
    "net.ipv4.conf.all.route_localnet": 1,
    "net.ipv4.conf.default.rp_filter": 2,
    "net.ipv4.ip_forward": 1,
    "net.ipv6.conf.all.forwarding": 0,
    "net.netfilter.nf_conntrack_max": 131072,
    "net.netfilter.nf_conntrack_tcp_be_liberal": 0,
}
FORWARDS_IPV6: dict[str, int | str] = {"net.ipv6.conf.all.forwarding": 1}
