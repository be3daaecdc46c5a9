"""ARP: who may say which address, and answers in the name of far gateways."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from .bridge import Flow
from .node import GATEWAY, GATEWAY_MAC, VIRTUAL_MAC, Writer


def write_arp(writer: Writer) -> Iterator[Flow]:
    guard = "ARPSpoofGuard" if writer.release.flexible else "SpoofGuard"
    speakers = [(GATEWAY, writer.node.gateway, GATEWAY_MAC)]
    speakers += [(port.number, port.pod.address, port.mac) for port in writer.node.pods]
    for port, address, mac in speakers:
        match = f"arp,in_port={port},arp_spa={address},arp_sha={mac}"
        yield writer.flow(guard, 200, match, writer.release.goto("ARPResponder"))
    for _, gateway, _ in writer.node.peers():
        yield writer.flow("ARPResponder", 200, f"arp,arp_tpa={gateway},arp_op=1", *_answer(writer, gateway))
    yield writer.flow("ARPResponder", 190, "arp", "NORMAL")
    yield writer.miss("ARPResponder")


def _answer(writer: Writer, address: str) -> tuple[str, ...]:
    return (
        "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
        _set(writer, "eth_src", VIRTUAL_MAC, f"mod_dl_src:{VIRTUAL_MAC}"),
        _set(writer, "arp_op", "2", "load:0x2->NXM_OF_ARP_OP[]"),
        "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]",
        _set(writer, "arp_sha", VIRTUAL_MAC, f"load:0x{VIRTUAL_MAC.replace(':', '')}->NXM_NX_ARP_SHA[]"),
        "move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]",
        _set(writer, "arp_spa", address, f"load:{int(ip_address(address)):#x}->NXM_OF_ARP_SPA[]"),
        "IN_PORT",
    )


def _set(writer: Writer, field: str, value: str, loaded: str) -> str:
    return f"set_field:{value}->{field}" if writer.release.flexible else loaded
