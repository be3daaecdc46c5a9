"""A node of Antrea as a kernel and a switch really had it: its bridge, and its own network and rules around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .catalogue.antrea_nodes import ALLOW_TEAM, PODS, SERVICES
from .catalogue.example import cluster
from .catalogue.manifest import WHOLE
from .namespace import Namespace, namespace
from .switch_saved import STEADY
from .vswitchd import Switch, switch
from .writers.antrea import write_antrea
from .writers.antrea.bridge import Bridge
from .writers.antrea.host import pod_networks, write_antrea_host
from .writers.antrea.node import GATEWAY_MAC, GATEWAY_PORT, TUNNEL_PORT, VIRTUAL_MAC, AntreaNode
from .writers.ipset import ipset_save
from .writers.kube_proxy import write_kube_proxy
from .writers.kubelet import write_kubelet
from .writers.save import DATE, Printer, Ruleset

VERSION, KUBE_PROXY = "0.9", 18
UPLINK, UPLINK_MAC, ROUTER_MAC = "eth0", "52:54:c0:a8:0a:0b", "52:54:c0:a8:0a:01"
_BRIDGE_MAC = "0e:5a:12:c0:41:9e"
_IP_OUTPUTS = {
    "ip-addr.txt": ("addr",),
    "ip-link.txt": ("-d", "link"),
    "ip-route.txt": ("route", "show", "table", "all"),
    "ip-rule.txt": ("rule",),
    "ip-neigh.txt": ("neigh",),
}
_SYSCTLS = {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0}
_QUIET = ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")


@dataclass(frozen=True)
class Whole:
    """A node that runs. The other ends of its interfaces are in `far`: `far-eth0`, `far-3` behind port 3 …"""

    node: AntreaNode
    kernel: Namespace
    far: Namespace
    ovs: Switch
    bridge: Bridge


@contextmanager
def whole_node() -> Iterator[Whole]:
    node = AntreaNode(replace(cluster(SERVICES), pods=PODS, policies=(ALLOW_TEAM,)))
    bridge = write_antrea(node, VERSION)
    with namespace("far") as far, namespace("whole") as kernel:
        _links(node, kernel, far)
        with switch(inside=kernel.name) as ovs:
            kinds = {GATEWAY_PORT: "internal", TUNNEL_PORT: "geneve"}
            ovs.real_bridge(bridge.name, bridge.ports, kinds, _BRIDGE_MAC)
            ovs.ofctl("-O", bridge.protocol, "add-flows", bridge.name, "-", text="\n".join(map(str, bridge.flows)))
            _rules(node, kernel)
            _network(node, kernel)
            yield Whole(node, kernel, far, ovs, bridge)


def save_whole(folder: Path) -> None:
    with whole_node() as whole:
        texts = saved_texts(whole)
    (folder / WHOLE).mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        (folder / WHOLE / file).write_text(text, encoding="utf-8")


def saved_texts(whole: Whole) -> dict[str, str]:
    """What the tools print of a node, by the names of files."""
    kernel, ovs, name = whole.kernel, whole.ovs, whole.bridge.name
    texts = {file: kernel.ip(*arguments) for file, arguments in _IP_OUTPUTS.items()}
    texts["ip-neigh.txt"] = "".join(sorted(texts["ip-neigh.txt"].splitlines(keepends=True)))
    texts["sysctl.txt"] = kernel.run("sysctl", "net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter")
    texts["iptables-save.txt"] = kernel.run("iptables-legacy-save")
    texts["ipset-save.txt"] = kernel.run("ipset", "save")
    texts["flows.txt"] = ovs.ofctl("-O", "OpenFlow13", "dump-flows", name)
    texts["ports.txt"] = ovs.ofctl("show", name)
    return {file: _steady(text.replace(whole.far.name, "far")) for file, text in texts.items()}


def _links(node: AntreaNode, kernel: Namespace, far: Namespace) -> None:
    kernel.run("sysctl", "-w", *_QUIET)
    far.run("sysctl", "-w", *_QUIET)
    ends = [(UPLINK, UPLINK_MAC, "far-eth0", ROUTER_MAC)]
    ends += [(pod.pod.interface, f"02:50:d0:00:01:{pod.number:02x}", f"far-{pod.number}", pod.mac) for pod in node.pods]
    for near, mac, other, other_mac in ends:
        words = f"link add {near} address {mac} type veth peer name {other} address {other_mac} netns {far.name}"
        kernel.ip(*words.split())
        far.ip("link", "set", other, "arp", "off", "up")
        kernel.ip("link", "set", near, "up")
    kernel.ip("link", "set", "lo", "up")


def _rules(node: AntreaNode, kernel: Namespace) -> None:
    ruleset = Ruleset()
    write_kubelet(ruleset, KUBE_PROXY)
    write_kube_proxy(ruleset, node.cluster, KUBE_PROXY)
    write_antrea_host(ruleset, node.cluster)
    kernel.run("ipset", "restore", text=ipset_save([pod_networks(node.cluster)]))
    kernel.run("iptables-legacy-restore", text=Printer("1.8.9").text(ruleset))


def _network(node: AntreaNode, kernel: Namespace) -> None:
    here = node.cluster.node
    for name, value in _SYSCTLS.items():
        kernel.run("sysctl", "-w", f"{name}={value}")
    commands = [
        f"link set {GATEWAY_PORT} address {GATEWAY_MAC} up",
        f"addr add {here.address}/{here.prefix_length} brd + dev {UPLINK}",
        f"addr add {node.gateway}/24 brd + dev {GATEWAY_PORT}",
        f"route add default via {here.gateway} dev {UPLINK} proto static",
        f"neigh add {here.gateway} lladdr {ROUTER_MAC} dev {UPLINK} nud permanent",
    ]
    for number, (pod_network, gateway, address) in enumerate(node.peers(), 2):
        commands.append(f"neigh add {address} lladdr {ROUTER_MAC[:-1]}{number} dev {UPLINK} nud permanent")
        commands.append(f"route add {pod_network} via {gateway} dev {GATEWAY_PORT} onlink")
        commands.append(f"neigh add {gateway} lladdr {VIRTUAL_MAC} dev {GATEWAY_PORT} nud permanent")
    for pod in node.pods:
        commands.append(f"neigh add {pod.pod.address} lladdr {pod.mac} dev {GATEWAY_PORT} nud permanent")
    for command in commands:
        kernel.ip(*command.split())


def _steady(text: str) -> str:
    """The same dates, timers and made-up addresses on every run."""
    for pattern, replacement in STEADY.items():
        text = re.sub(pattern, replacement, text)
    text = re.sub(r"(?m)^(# (?:Generated|Completed).* on ).*$", rf"\g<1>{DATE}", text)
    text = re.sub(r"n_packets=\d+, n_bytes=\d+", "n_packets=0, n_bytes=0", text)
    text = re.sub(r"(?m)^(:\S+ \S+) \[\d+:\d+\]$", r"\1 [0:0]", text)
    text = re.sub(r"(ovs-netdev: .*\n +link/ether) \S+", rf"\1 {_BRIDGE_MAC[:-1]}f", text)
    text = re.sub(r"initval 0x[0-9a-f]+", "initval 0x1d0f0acf", text)
    return re.sub(r"(antrea-tun0\): addr:)\S+", rf"\g<1>{_BRIDGE_MAC[:-2]}aa", text)
