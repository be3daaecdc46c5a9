"""AntreaProxy: cluster addresses of services, their endpoints, and clients that stay with one."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from ..model import Endpoint, Service
from .bridge import Flow, Group
from .node import ZONE, Writer
from .release import ENDPOINT_ADDRESS, ENDPOINT_PORT, SELECTED, SERVICE_GROUP, SERVICE_STATE, TO_LEARN, TO_SELECT, Bits

PROTOCOL_NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132}
NO_ENDPOINT = Bits("reg0", 14, 14)


def write_services(writer: Writer) -> tuple[list[Flow], list[Group]]:
    services = list(enumerate(writer.node.cluster.services, 1))
    flows = [flow for number, service in services for flow in _service(writer, number, service)]
    endpoints = {(service.protocol, endpoint) for _, service in services for endpoint in service.endpoints}
    flows += [_endpoint(writer, *pair) for pair in sorted(endpoints, key=str)]
    flows += _between(writer)
    return flows, [_group(writer, number, service) for number, service in services]


def _service(writer: Writer, number: int, service: Service) -> Iterator[Flow]:
    release = writer.release
    where = f"nw_dst={service.cluster_ip},tp_dst={service.port}"
    state = TO_LEARN if service.affinity_seconds else SELECTED
    actions = [release.write(SERVICE_STATE, state), release.write(release.rewrite_mac, 1)]
    if release.flexible:
        actions.append(release.write(SERVICE_GROUP, number))
    match = f"{service.protocol},{SERVICE_STATE.holds(TO_SELECT)},{where}"
    yield writer.flow("ServiceLB", 200, match, *actions, f"group:{number}", thing=number)
    if service.affinity_seconds:
        learned = [_learn(writer, number, service), release.write(SERVICE_STATE, SELECTED)]
        match = f"{service.protocol},{SERVICE_STATE.holds(TO_LEARN)},{where}"
        yield writer.flow("ServiceLB", 190, match, *learned, _on(writer, "EndpointDNAT"), thing=number)


def _on(writer: Writer, table: str) -> str:
    return writer.release.goto(table) if writer.release.flexible else writer.release.resubmit(table)


def _learn(writer: Writer, number: int, service: Service) -> str:
    release, protocol = writer.release, service.protocol
    parts = (
        f"table={release.tables['SessionAffinity']}",
        f"hard_timeout={service.affinity_seconds}",
        "priority=200",
        "delete_learned",
        f"cookie={release.cookie(writer.category, number):#x}",
        "eth_type=0x800",
        f"nw_proto={PROTOCOL_NUMBERS[protocol]}",
        f"OXM_OF_{protocol.upper()}_DST[]",
        "NXM_OF_IP_DST[]",
        "NXM_OF_IP_SRC[]",
        "load:NXM_NX_REG3[]->NXM_NX_REG3[]",
        "load:NXM_NX_REG4[0..15]->NXM_NX_REG4[0..15]",
        f"load:{SELECTED:#x}->NXM_NX_REG4[16..18]",
        f"load:0x1->NXM_NX_REG0[{release.rewrite_mac.low}]",
    )
    return f"learn({','.join(parts)})"


def _group(writer: Writer, number: int, service: Service) -> Group:
    release = writer.release
    table = "ServiceLB" if service.affinity_seconds else "EndpointDNAT"

    def bucket(endpoint: Endpoint) -> str:
        address = int(ip_address(endpoint.address))
        chosen = (release.write(ENDPOINT_ADDRESS, address), release.write(ENDPOINT_PORT, endpoint.port))
        return ",".join((*chosen, release.resubmit(table)))

    if not service.endpoints and release.version == "2.3":
        return Group(number, (",".join((release.write(NO_ENDPOINT, 1), release.resubmit("EndpointDNAT"))),))
    return Group(number, tuple(map(bucket, service.endpoints)))


def _endpoint(writer: Writer, protocol: str, endpoint: Endpoint) -> Flow:
    release = writer.release
    address = ENDPOINT_ADDRESS.holds(int(ip_address(endpoint.address)))
    port = Bits("reg4", 0, 18).holds(SELECTED << 16 | endpoint.port)
    nat = f"nat(dst={endpoint.address}:{endpoint.port})"
    table = release.tables["AntreaPolicyEgressRule"]
    action = f"ct(commit,table={table},zone={ZONE},{nat},exec({release.service_mark}))"
    return writer.flow("EndpointDNAT", 200, f"{protocol},{address},{port}", action)


def _between(writer: Writer) -> Iterator[Flow]:
    """From one step of a service to the next, for packets that are to none."""
    release = writer.release
    again = (release.write(SERVICE_STATE, TO_SELECT), release.resubmit("ServiceLB"))
    yield writer.flow("EndpointDNAT", 190, SERVICE_STATE.holds(SELECTED), *again)
    yield writer.miss("SessionAffinity", release.write(SERVICE_STATE, TO_SELECT))
    yield writer.miss("ServiceLB", _on(writer, "EndpointDNAT"))
    yield writer.miss("EndpointDNAT", _on(writer, "AntreaPolicyEgressRule"))
    if release.version == "2.3":
        reject = "controller(reason=no_match,id=62373,userdata=04)"
        yield writer.flow("EndpointDNAT", 200, NO_ENDPOINT.holds(1), reject)
