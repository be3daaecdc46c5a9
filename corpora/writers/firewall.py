"""A gateway's firewall as people write it by hand."""

from __future__ import annotations

from dataclasses import dataclass

from .hosts import ethernet, gateway_route, mac_of
from .model import Family, Node
from .node import HOST_SYSCTLS, LOOPBACK, HostNetwork, Link
from .rule import port_match
from .save import Ruleset, Table

ACCEPT, DROP = "-j ACCEPT", "-j DROP"
NEW = "-m conntrack --ctstate NEW"
NEIGHBOUR_TYPES = (133, 134, 135, 136)


@dataclass(frozen=True)
class Gateway:
    """One outer and one inner interface, with an inner server that outside may reach."""

    node: Node
    inner_interface: str
    inner_networks: dict[Family, str]
    servers: dict[Family, str]
    administrators: dict[Family, str]
    inner_addresses: tuple[str, ...]
    outer_address6: str
    next_hop6: str


def write_firewall(ruleset: Ruleset, gateway: Gateway) -> None:
    filter_table = ruleset["filter"]
    filter_table.policies.update(INPUT="DROP", FORWARD="DROP")
    _write_input(filter_table, gateway, ruleset.family)
    _write_forward(filter_table, gateway, ruleset.family)
    filter_table.append("OUTPUT", "-p tcp", "-m tcp --dport 25", "-m owner ! --uid-owner 0", refusal(ruleset.family))
    clamp = "-m tcp --tcp-flags SYN,RST SYN"
    ruleset["mangle"].append(
        "FORWARD", f"-o {gateway.node.interface}", "-p tcp", clamp, "-j TCPMSS --clamp-mss-to-pmtu"
    )
    if ruleset.family == 4:
        _write_nat(ruleset["nat"], gateway)


def refusal(family: Family) -> str:
    return f"-j REJECT --reject-with {'icmp-admin-prohibited' if family == 4 else 'icmp6-adm-prohibited'}"


def _write_input(table: Table, gateway: Gateway, family: Family) -> None:
    def accept(*matches: str) -> None:
        table.append("INPUT", *matches, ACCEPT)

    accept("-i lo")
    accept("-m conntrack --ctstate RELATED,ESTABLISHED")
    table.append("INPUT", "-m conntrack --ctstate INVALID", DROP)
    _accept_icmp(table, family)
    table.append("INPUT", *port_match("tcp", 22), NEW, "-j SSH")
    accept("-p tcp", "-m multiport --dports 80,443", NEW)
    accept(f"-s {gateway.administrators[family]}", *port_match("udp", 161))
    accept(f"-i {gateway.inner_interface}", *port_match("udp", "67:68" if family == 4 else "546:547"))
    table.append("INPUT", "-j LOGGED")
    _write_ssh(table, gateway.administrators[family])
    _write_logged(table, family)


def _accept_icmp(table: Table, family: Family) -> None:
    if family == 4:
        table.append("INPUT", "-p icmp", "-m icmp --icmp-type 8", "-m limit --limit 10/sec --limit-burst 20", ACCEPT)
        table.append("INPUT", "-p icmp", "-m icmp --icmp-type 3", ACCEPT)
        return
    table.append(
        "INPUT", "-p ipv6-icmp", "-m icmp6 --icmpv6-type 128", "-m limit --limit 10/sec --limit-burst 20", ACCEPT
    )
    for number in NEIGHBOUR_TYPES:
        table.append("INPUT", "-p ipv6-icmp", f"-m icmp6 --icmpv6-type {number}", "-m hl --hl-eq 255", ACCEPT)


def _write_ssh(table: Table, administrators: str) -> None:
    table.append("SSH", f"-s {administrators}", ACCEPT)
    rate = "-m hashlimit --hashlimit-upto 4/min --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name ssh"
    table.append("SSH", rate, ACCEPT)


def _write_logged(table: Table, family: Family) -> None:
    log = '-j LOG --log-prefix "refused: " --log-level 6'
    table.append("LOGGED", "-m addrtype --dst-type MULTICAST" if family == 4 else "-d ff00::/8", DROP)
    table.append("LOGGED", "-m limit --limit 3/min", log)
    table.append("LOGGED", "-p tcp", "-m tcp --tcp-flags FIN,SYN,RST,ACK SYN", "-j REJECT --reject-with tcp-reset")
    table.append("LOGGED", refusal(family))


def _write_forward(table: Table, gateway: Gateway, family: Family) -> None:
    inner, outer = gateway.inner_interface, gateway.node.interface
    table.append("FORWARD", "-m conntrack --ctstate RELATED,ESTABLISHED", ACCEPT)
    table.append("FORWARD", f"-s {gateway.inner_networks[family]}", f"-i {inner}", f"-o {outer}", NEW, ACCEPT)
    server = (f"-d {gateway.servers[family]}/{32 if family == 4 else 128}", f"-i {outer}", f"-o {inner}")
    table.append("FORWARD", *server, *port_match("tcp", 443), NEW, ACCEPT)
    if family == 6:
        table.append("FORWARD", "-p ipv6-icmp", "-m icmp6 --icmpv6-type 2", ACCEPT)
    table.append("FORWARD", "-j LOGGED")


def _write_nat(nat: Table, gateway: Gateway) -> None:
    outer, server = gateway.node.interface, gateway.servers[4]
    nat.append("PREROUTING", f"-i {outer}", *port_match("tcp", 8443), f"-j DNAT --to-destination {server}:443")
    nat.append("POSTROUTING", f"-s {gateway.inner_networks[4]}", f"-o {outer}", "-j MASQUERADE")


def firewall_network(gateway: Gateway) -> HostNetwork:
    inner = Link(gateway.inner_interface, mac_of(gateway.servers[4]), gateway.inner_addresses, queue="mq")
    links = (LOOPBACK, ethernet(gateway.node, gateway.outer_address6), inner)
    sysctls = HOST_SYSCTLS | {
        "net.ipv4.conf.all.rp_filter": 1,
        "net.ipv4.ip_forward": 1,
        "net.ipv6.conf.all.forwarding": 1,
    }
    routes6 = (f"default via {gateway.next_hop6} dev {gateway.node.interface} proto static metric 1024",)
    return HostNetwork(links, (gateway_route(gateway.node),), routes6, sysctls=sysctls)
