"""Builds a site out of veth pairs, and saves the texts that describe it."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

from tests.oracle.namespaces import CommandFailed, Namespace
from tests.oracle.topology import Site

_SYSCTLS = {
    "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1, "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.default.addr_gen_mode": 1, "net.ipv6.conf.default.accept_ra": 0, "net.ipv6.auto_flowlabels": 0,
    "net.ipv4.icmp_ratelimit": 0, "net.ipv4.icmp_ratemask": 0, "net.ipv6.icmp.ratelimit": 0,
    "net.ipv4.conf.all.send_redirects": 0, "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0,
}  # fmt: skip
_SAVED = (
    "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.conf.all.route_localnet",
    "net.ipv4.conf.all.accept_local", "net.ipv4.conf.all.src_valid_mark", "net.ipv4.conf.all.rp_filter",
    "net.ipv4.fwmark_reflect", "net.netfilter.nf_conntrack_tcp_loose", "net.netfilter.nf_conntrack_tcp_be_liberal",
    "net.netfilter.nf_conntrack_checksum",
)  # fmt: skip
_SAVED_PER_LINK = ("rp_filter", "forwarding", "accept_local", "route_localnet", "src_valid_mark")
_IP_TEXTS = {
    "ip_link": ("-d", "link"), "ip_addr": ("addr",), "ip_route": ("route",),
    "ip_route_all": ("route", "show", "table", "all"), "ip_rule": ("rule",), "ip6_route": ("-6", "route"),
    "ip6_rule": ("-6", "rule"),
}  # fmt: skip


def far_name(number: int) -> str:
    return f"far{number}"


def build(site: Site, inside: Namespace, far: Namespace) -> None:
    """The links' far ends go to `far`, where nobody has an address, so nobody answers."""
    far.write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")
    _set_sysctls(inside, _SYSCTLS)
    _make_links(site, inside, far)
    _set_sysctls(inside, site.sysctls)
    _add_addresses(site, inside)
    for family in (4, 6):
        rules = [rule.removeprefix(f"-{family} ") for rule in site.rules if rule.startswith(f"-{family} ")]
        _ip(inside, f"-{family}", commands=[route.command() for route in site.routes if route.family == family] + rules)


def remove(site: Site, inside: Namespace) -> None:
    """A namespace dies lazily; its links should go at once."""
    with suppress(CommandFailed):
        inside.run("ip", "-force", "-batch", "-", text="".join(f"link del {link.name}\n" for link in site.links))


def _set_sysctls(inside: Namespace, values: dict[str, int]) -> None:
    for name, value in values.items():
        inside.write(_path(name), str(value))


def _path(sysctl: str) -> str:
    """A dot within a name is written as a slash, as sysctl(8) has it."""
    return "/proc/sys/" + "/".join(part.replace("/", ".") for part in sysctl.split("."))


def _ip(namespace: Namespace, *options: str, commands: list[str]) -> None:
    if commands:
        namespace.run("ip", *options, "-batch", "-", text="\n".join(commands) + "\n")


def _make_links(site: Site, inside: Namespace, far: Namespace) -> None:
    near = ["link set lo up"]
    for number, link in enumerate(site.links):
        peer = f"{far_name(number)} address {link.far_mac} netns {far.name}"
        near.append(f"link add {link.name} address {link.mac} type veth peer name {peer}")
        near.append(f"link set {link.name} arp off group {link.group}")
    if site.own_on_dummy:
        near.append(f"link add {site.DUMMY} type veth peer name dummy netns {far.name}")
    _ip(inside, commands=near)
    _ip(far, commands=[f"link set {far_name(number)} up" for number in range(len(site.links))])


def _add_addresses(site: Site, inside: Namespace) -> None:
    places = [(address, "lo") for address in site.own] + [(address, site.DUMMY) for address in site.own_on_dummy]
    places += [(address, link.name) for link in site.links for address in link.addresses]
    commands = [f"link set {link.name} up" for link in site.links]
    commands += [f"addr add {address}{'' if ':' in address else ' brd +'} dev {name}" for address, name in places]
    _ip(inside, commands=commands)


def describe(site: Site, inside: Namespace, far: Namespace) -> dict[str, str]:
    """The texts of a saved node that have nothing to do with rules."""
    _wait_until_up(site, inside)
    unnamed = "link-netnsid 0"
    texts = {
        name: inside.run("ip", *argv).replace(f"link-netns {far.name}", unnamed) for name, argv in _IP_TEXTS.items()
    }
    names = list(_SAVED)
    for link in site.links:
        names += [f"net.ipv4.conf.{link.name.replace('.', '/')}.{leaf}" for leaf in _SAVED_PER_LINK]
    with inside.entered():
        paths = {name: Path(_path(name)) for name in names}
        texts["sysctl"] = "".join(f"{name} = {path.read_text()}" for name, path in paths.items() if path.exists())
    return texts


def _wait_until_up(site: Site, inside: Namespace) -> None:
    for _ in range(100):
        states = inside.run("ip", "-o", "link")
        unready = "NO-CARRIER|LOWERLAYERDOWN|state DOWN| tentative"
        states += inside.run("ip", "-o", "addr")
        if not re.search(unready, re.sub(f".*{site.DUMMY}.*", "", states)):
            return
        time.sleep(0.01)
