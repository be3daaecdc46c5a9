"""OpenShift SDN's bridge br0 as its network policy plugin fills it: pods have their project's number, policies stand in
table 80 (openshift/sdn release-3.11, pkg/network/node/ovscontroller.go, networkpolicy.go)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .antrea.bridge import Bridge, Flow

VXLAN, TUN = 1, 2
GROUPS_OF_ALL = "224.0.0.0/4"


@dataclass(frozen=True)
class SdnPod:
    address: str
    port: int
    veth: str
    project: int

    @property
    def mac(self) -> str:
        return "00:00:" + ":".join(f"{int(byte):02x}" for byte in self.address.split("."))


@dataclass(frozen=True)
class SdnNode:
    """`nodes` are the others: their addresses and the networks of their pods. `lets_in` are the policies of this
    node's projects: sender's and receiver's number, None for every sender."""

    gateway: str
    network: str
    cluster: str
    services: str
    dns: str
    nodes: tuple[tuple[str, str], ...]
    pods: tuple[SdnPod, ...]
    lets_in: tuple[tuple[int | None, int], ...]


def write_openshift(node: SdnNode) -> Bridge:
    ports = {"vxlan0": VXLAN, "tun0": TUN} | {pod.veth: pod.port for pod in node.pods}
    return Bridge("br0", "OpenFlow13", ports, {}, [Flow(*row) for row in _rows(node)])


Row = tuple[int, int, str, str, int]


def _rows(node: SdnNode) -> Iterator[Row]:
    for table, priority, match, actions in (*_from(node), *_to(node), *_policies(node), *_out(node)):
        yield table, priority, match, actions, 0
    for address, network in node.nodes:
        cookie = hash_of(address)
        tunnel = f"move:NXM_NX_REG0[]->NXM_NX_TUN_ID[0..31],set_field:{address}->tun_dst,output:{VXLAN}"
        yield 10, 100, f"tun_src={address}", "goto_table:30", cookie
        yield 50, 100, f"arp,arp_tpa={network}", tunnel, cookie
        yield 90, 100, f"ip,nw_dst={network}", tunnel, cookie


def hash_of(address: str) -> int:
    """A cookie for the flows of a node; which one is nobody's business."""
    return int.from_bytes(bytes(map(int, address.split("."))), "big") * 2654435761 % (1 << 32)


Plain = tuple[int, int, str, str]


def _from(node: SdnNode) -> Iterator[Plain]:
    """Where a packet comes from, and of which project it is."""
    number = "move:NXM_NX_TUN_ID[0..31]->NXM_NX_REG0[],goto_table:10"
    yield 0, 400, f"ip,in_port={TUN},nw_src={node.gateway}", "goto_table:30"
    yield 0, 300, "ct_state=-trk,ip", "ct(table=0)"
    yield 0, 300, f"ip,in_port={TUN},nw_src={node.network},nw_dst={node.cluster}", "goto_table:25"
    yield 0, 250, f"ip,in_port={TUN},nw_dst={GROUPS_OF_ALL}", "drop"
    yield 0, 200, f"arp,in_port={VXLAN},arp_spa={node.cluster},arp_tpa={node.network}", number
    yield 0, 200, f"ip,in_port={VXLAN},nw_src={node.cluster}", number
    yield 0, 200, f"ip,in_port={VXLAN},nw_dst={node.cluster}", number
    yield 0, 200, f"arp,in_port={TUN},arp_spa={node.gateway},arp_tpa={node.cluster}", "goto_table:30"
    yield 0, 200, f"ip,in_port={TUN}", "goto_table:30"
    yield from ((0, 150, f"in_port={port}", "drop") for port in (VXLAN, TUN))
    yield from ((0, 100, family, "goto_table:20") for family in ("arp", "ip"))
    for pod in node.pods:
        project = f"load:{pod.project:#x}->NXM_NX_REG0[]"
        sender = f"arp_spa={pod.address},arp_sha={pod.mac}/00:00:ff:ff:ff:ff"
        yield 20, 100, f"arp,in_port={pod.port},{sender}", f"{project},goto_table:21"
        yield 20, 100, f"ip,in_port={pod.port},nw_src={pod.address}", f"{project},goto_table:21"
        yield 25, 100, f"ip,nw_src={pod.address}", f"{project},goto_table:30"
    yield 21, 200, f"ip,nw_dst={node.cluster}", "ct(commit,table=30)"
    yield 21, 0, "", "goto_table:30"
    yield from ((table, 0, "", "drop") for table in (0, 10, 20, 25))


def _to(node: SdnNode) -> Iterator[Plain]:
    """Where a packet goes to."""
    yield from (
        (30, 300, match, f"output:{TUN}") for match in (f"arp,arp_tpa={node.gateway}", f"ip,nw_dst={node.gateway}")
    )
    yield 30, 300, f"ct_state=+rpl,ip,nw_dst={node.network}", "ct(table=70,nat)"
    yield 30, 200, f"arp,arp_tpa={node.network}", "goto_table:40"
    yield 30, 200, f"ip,nw_dst={node.network}", "goto_table:70"
    yield 30, 100, f"arp,arp_tpa={node.cluster}", "goto_table:50"
    yield 30, 100, f"ip,nw_dst={node.cluster}", "goto_table:90"
    yield 30, 100, f"ip,nw_dst={node.services}", "goto_table:60"
    yield 30, 50, f"ip,in_port={VXLAN},nw_dst={GROUPS_OF_ALL}", "goto_table:120"
    yield 30, 25, f"ip,nw_dst={GROUPS_OF_ALL}", "goto_table:110"
    yield 30, 0, "ip", "goto_table:100"
    yield 30, 0, "arp", "drop"
    for pod in node.pods:
        yield 40, 100, f"arp,arp_tpa={pod.address}", f"output:{pod.port}"
        found = f"load:{pod.project:#x}->NXM_NX_REG1[],load:{pod.port:#x}->NXM_NX_REG2[],goto_table:80"
        yield 70, 100, f"ip,nw_dst={pod.address}", found
    yield 60, 200, "", f"output:{TUN}"
    yield from ((table, 0, "", "drop") for table in (40, 50, 60, 70, 90))


def _policies(node: SdnNode) -> Iterator[Plain]:
    to_pod = "output:NXM_NX_REG2[]"
    yield 80, 300, f"ip,nw_src={node.gateway}", to_pod
    yield 80, 200, "ct_state=+rpl,ip", to_pod
    for sender, receiver in node.lets_in:
        if sender is None:
            yield 80, 50, f"reg1={receiver:#x}", to_pod
        else:
            yield 80, 150, f"reg0={sender:#x},reg1={receiver:#x}", to_pod
    yield 80, 0, "", "drop"


def _out(node: SdnNode) -> Iterator[Plain]:
    yield from ((100, 200, f"{proto},nw_dst={node.dns},tp_dst=53", f"output:{TUN}") for proto in ("tcp", "udp"))
    yield 100, 0, "", "goto_table:101"
    yield 101, 0, "", f"output:{TUN}"
    tunnels = ",".join(f"set_field:{address}->tun_dst,output:{VXLAN}" for address, _ in node.nodes)
    yield 111, 100, "", f"move:NXM_NX_REG0[]->NXM_NX_TUN_ID[0..31],{tunnels},goto_table:120"
    yield from ((table, 0, "", "drop") for table in (110, 120))
    yield 253, 0, "", "note:02.07"
