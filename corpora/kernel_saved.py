"""Dumps that a kernel really printed: rules of our own, loaded into a network we build for them."""

from __future__ import annotations

import re
from pathlib import Path

from .namespace import Namespace, namespace
from .writers.save import DATE

LINKS = (
    "link set lo up",
    "link add eth0 address 02:50:00:00:00:01 type veth peer name far0 netns {far}",
    "link add eth1 address 02:50:00:00:00:02 type veth peer name far1 netns {far}",
    "link add br0 address 02:50:00:00:00:03 type bridge",
    "link add port0 address 02:50:00:00:00:04 type veth peer name far2 netns {far}",
    "link set port0 master br0",
    "link add lan1 address 02:50:00:00:00:05 mtu 9000 type veth peer name far3 netns {far}",
    "link add vxlan7 address 02:50:00:00:00:06 type vxlan id 7 local 192.0.2.1 dev eth0 dstport 4789 nolearning",
    "link add lan0 address 02:50:00:00:00:07 type veth peer name far4 netns {far}",
    "link set eth1 group 2",
)
ADDRESSES = (
    "addr add 192.0.2.1/24 brd + dev eth0",
    "addr add 192.0.2.2/24 brd + dev eth0 secondary",
    "addr add 198.51.100.2/29 brd + dev eth1",
    "addr add 10.50.0.1/24 brd + dev br0",
    "addr add 10.100.0.1/30 dev lan1",
    "addr add 10.70.0.1/32 dev lan0",
    "addr add 10.80.0.1 peer 10.80.0.2/32 dev lan0",
    "addr add 2001:db8:10::1/64 dev eth0 nodad",
    "addr add 2001:db8:ff::2/64 dev eth1 nodad",
    "addr add 2001:db8:50::1/64 dev br0 nodad",
)
ROUTES = (
    "route add default via 198.51.100.1 dev eth1 proto static metric 100",
    "route add default via 192.0.2.254 dev eth0 proto dhcp src 192.0.2.1 metric 200",
    "route add 10.60.0.0/24 via 10.50.0.60 dev br0 proto 188",
    "route add 10.61.0.0/24 nexthop via 10.50.0.60 dev br0 weight 2 nexthop via 192.0.2.60 dev eth0 weight 1",
    "route add 10.62.0.0/16 via 10.50.0.60 dev br0 src 10.50.0.1 mtu 1400",
    "route add 10.63.0.7 dev br0 scope link",
    "route add 10.64.0.0/24 via 203.0.113.1 dev vxlan7 onlink",
    "route add blackhole 10.65.0.0/16",
    "route add unreachable 10.66.0.0/16 metric 50",
    "route add prohibit 10.67.0.0/16",
    "route add throw 10.68.0.0/16 table 100",
    "route add default via 10.50.0.254 dev br0 table 100",
    "route add local 203.0.113.0/28 dev lo",
    "-6 route add default via 2001:db8:ff::1 dev eth1 metric 1024",
    "-6 route add 2001:db8:60::/48 via 2001:db8:50::60 dev br0",
    "-6 route add unreachable 2001:db8:66::/48",
    "-6 route add default via fe80::1 dev br0 table 100",
)
RULES = (
    "rule add fwmark 0x10/0xff lookup 100 priority 1000",
    "rule add from 10.50.0.0/24 iif br0 lookup 100 priority 1100",
    "rule add to 203.0.113.0/24 unreachable priority 1200",
    "rule add not from 10.0.0.0/8 tos 0x10 lookup main suppress_prefixlength 0 priority 1300",
    "rule add ipproto tcp dport 8443 oif eth1 lookup 100 priority 1400",
    "-6 rule add from 2001:db8:50::/64 lookup 100 priority 1000",
)
IP_OUTPUTS = {
    "ip-addr.txt": ("addr",),
    "ip-link.txt": ("-d", "link"),
    "ip-route.txt": ("route", "show", "table", "all"),
    "ip-rule.txt": ("rule",),
    "ip6-rule.txt": ("-6", "rule"),
}
SYSCTLS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.rp_filter": 2,
    "net.ipv4.conf.eth0.rp_filter": 1,
    "net.ipv6.conf.all.forwarding": 1,
}
NO_TENTATIVE_ADDRESSES = "net.ipv6.conf.default.accept_dad=0"


def save_kernel_dumps(folder: Path) -> None:
    for backend in ("legacy", "nft"):
        with namespace("far") as far, namespace("saved") as kernel:
            texts = _saved_rules(kernel, folder / "input", backend)
            _build_network(kernel, far)
            texts |= {name: kernel.ip(*arguments) for name, arguments in IP_OUTPUTS.items()}
            texts["sysctl.txt"] = kernel.run("sysctl", *SYSCTLS)
            _write(folder / backend, {name: text.replace(far.name, "far") for name, text in texts.items()})


def _saved_rules(kernel: Namespace, source: Path, backend: str) -> dict[str, str]:
    """Saved before there are links, so that no packet has been counted."""
    kernel.run("ipset", "restore", text=(source / "ipset.txt").read_text(encoding="utf-8"))
    texts = {"ipset-save.txt": kernel.run("ipset", "save")}
    for tool in ("iptables", "ip6tables"):
        kernel.run(f"{tool}-{backend}-restore", text=(source / f"{tool}.rules").read_text(encoding="utf-8"))
        texts[f"{tool}-save.txt"] = kernel.run(f"{tool}-{backend}-save")
    return texts


def _build_network(kernel: Namespace, far: Namespace) -> None:
    kernel.run("sysctl", "-w", NO_TENTATIVE_ADDRESSES)
    for command in LINKS:
        kernel.ip(*command.format(far=far.name).split())
    for name, value in SYSCTLS.items():
        kernel.run("sysctl", "-w", f"{name}={value}")
    for command in ADDRESSES:
        kernel.ip(*command.split())
    for device in ("eth0", "eth1", "br0", "port0", "lan1", "vxlan7", "lan0"):
        kernel.ip("link", "set", device, "up")
    for device in ("far0", "far1", "far2", "far3", "far4"):
        far.ip("link", "set", device, "up")
    for command in (*ROUTES, *RULES):
        kernel.ip(*command.split())


def _write(folder: Path, texts: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(_steady(text), encoding="utf-8")


def _steady(text: str) -> str:
    """The same date and timers on every run."""
    text = re.sub(r"(?m)^(# (?:Generated|Completed).* on ).*$", rf"\g<1>{DATE}", text)
    return re.sub(r"(_timer) +\d+\.\d\d", r"\1    0.00", text)
