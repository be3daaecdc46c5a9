"""Pods and forwarding in the pipeline of fixed table numbers, up to Antrea 1.5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import pairwise

from .bridge import Flow
from .node import GATEWAY, GATEWAY_MAC, TUNNEL, VIRTUAL_MAC, ZONE, Writer
from .release import PORT

HAIRPIN_ADDRESS = "169.254.169.252"
HAIRPIN = "load:0x1->NXM_NX_REG0[18]"
TO_GATEWAY = f"mod_dl_dst:{GATEWAY_MAC}"
FROM_GATEWAY = f"mod_dl_src:{GATEWAY_MAC}"
ELSEWHERE = {"Classifier", "SpoofGuard", "ARPResponder", "Output", "L2ForwardingCalc", "ConntrackState"}
ELSEWHERE |= {"SessionAffinity", "ServiceLB", "EndpointDNAT"}
"""tables whose misses are written elsewhere, or are none"""
LEAPS = {"EgressMetric": "L3Forwarding", "L3Forwarding": "L2ForwardingCalc", "SNAT": "L2ForwardingCalc"}


def write_fixed(writer: Writer) -> Iterator[Flow]:
    pipeline = _Fixed(writer)
    yield from pipeline.classify()
    yield from pipeline.guard()
    yield from pipeline.track()
    yield from pipeline.route()
    yield from pipeline.switch()
    yield from pipeline.commit()
    yield from pipeline.misses()


@dataclass(frozen=True)
class _Fixed:
    writer: Writer

    def goto(self, table: str) -> str:
        return self.writer.release.goto(table)

    def source(self, code: int) -> str:
        return self.writer.release.write(self.writer.release.source, code)

    @property
    def rewrite(self) -> str:
        return self.writer.release.write(self.writer.release.rewrite_mac, 1)

    @property
    def behind_guard(self) -> str:
        return "ServiceHairpin" if self.writer.release.proxy else "ConntrackZone"

    def classify(self) -> Iterator[Flow]:
        sources, flow = self.writer.release.sources, self.writer.flow
        rewrite = [self.rewrite] if self.writer.release.proxy else []
        tunnel = (self.source(sources.tunnel), *rewrite, self.goto("ConntrackZone"))
        yield flow("Classifier", 200, f"in_port={TUNNEL}", *tunnel)
        yield flow("Classifier", 200, f"in_port={GATEWAY}", self.source(sources.gateway), self.goto("SpoofGuard"))
        for port in self.writer.node.pods:
            actions = (self.source(sources.pod), self.goto("SpoofGuard"))
            yield flow("Classifier", 190, f"in_port={port.number}", *actions)

    def guard(self) -> Iterator[Flow]:
        on = self.goto(self.behind_guard)
        yield self.writer.flow("SpoofGuard", 200, f"ip,in_port={GATEWAY}", on)
        for port in self.writer.node.pods:
            match = f"ip,in_port={port.number},dl_src={port.mac},nw_src={port.pod.address}"
            yield self.writer.flow("SpoofGuard", 200, match, on)
        if self.writer.release.proxy:
            back = ("move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]", HAIRPIN, self.goto("ConntrackZone"))
            yield self.writer.flow("ServiceHairpin", 200, f"ip,nw_dst={HAIRPIN_ADDRESS}", *back)

    def track(self) -> Iterator[Flow]:
        flow = self.writer.flow
        nat = ",nat" if self.writer.release.proxy else ""
        table = self.writer.release.tables["ConntrackState"]
        yield flow("ConntrackZone", 200, "ip", f"ct(table={table},zone={ZONE}{nat})")
        if self.writer.release.proxy:
            established = "ct_state=-new+trk,ct_mark=0x21,ip"
            yield flow("ConntrackState", 200, established, self.rewrite, self.writer.release.resubmit("EgressRule"))
            yield flow("ConntrackState", 190, "ct_state=+inv+trk,ip")
        else:
            yield from self._track_for_kube_proxy()

    def _track_for_kube_proxy(self) -> Iterator[Flow]:
        """Without AntreaProxy what is to a service goes to the gateway, and its replies go back that way."""
        flow, release = self.writer.flow, self.writer.release
        through_gateway = f"ct_state=-new+trk,ct_mark=0x20,ip,{release.source.holds(release.sources.gateway)}"
        yield flow("ConntrackState", 210, through_gateway, self.goto("DNAT"))
        back = (f"load:0x{GATEWAY_MAC.replace(':', '')}->NXM_OF_ETH_DST[]", self.goto("DNAT"))
        yield flow("ConntrackState", 200, "ct_state=-new+trk,ct_mark=0x20,ip", *back)
        yield flow("ConntrackState", 200, "ct_state=+inv+trk,ip")
        to_service = (release.write(PORT, GATEWAY), self.found, self.goto("ConntrackCommit"))
        yield flow("DNAT", 200, f"ip,nw_dst={self.writer.node.cluster.service_cidr}", *to_service)

    @property
    def found(self) -> str:
        return self.writer.release.write(self.writer.release.output, self.writer.release.output_found)

    def route(self) -> Iterator[Flow]:
        flow, node, release = self.writer.flow, self.writer.node, self.writer.release
        marked = f"ip,{release.rewrite_mac.holds(1)}" if release.proxy else f"ip,dl_dst={VIRTUAL_MAC}"
        ttl = (self.goto("L3DecTTL"),) if "L3DecTTL" in release.tables else ("dec_ttl", self.goto("L2ForwardingCalc"))
        for port in node.pods:
            actions = (FROM_GATEWAY, f"mod_dl_dst:{port.mac}", *ttl)
            yield flow("L3Forwarding", 200, f"{marked},nw_dst={port.pod.address}", *actions)
        on = self.goto("L2ForwardingCalc")
        yield flow("L3Forwarding", 200, f"{marked},nw_dst={node.gateway}", TO_GATEWAY, on)
        for network, _, address in node.peers():
            yield flow("L3Forwarding", 200, f"ip,nw_dst={network}", *self._through_tunnel(address, ttl))
        if release.proxy:
            yield flow("L3Forwarding", 210, "ct_state=+rpl+trk,ct_mark=0x20,ip", TO_GATEWAY, on)
            yield from self._egress()

    def _through_tunnel(self, address: str, ttl: tuple[str, ...]) -> tuple[str, ...]:
        release = self.writer.release
        port = (release.write(PORT, TUNNEL), self.found)
        remote = f"load:{int(ip_address(address)):#x}->NXM_NX_TUN_IPV4_DST[]"
        head = (FROM_GATEWAY, f"mod_dl_dst:{VIRTUAL_MAC}", *port, remote)
        return (*head, *ttl) if release.proxy else (ttl[0], *head, self.goto("ConntrackCommit"))

    def _egress(self) -> Iterator[Flow]:
        """What leaves the cluster, from pods here and from those of nodes that send it here."""
        flow, release = self.writer.flow, self.writer.release
        pod, tunnel = release.source.holds(release.sources.pod), release.source.holds(release.sources.tunnel)
        itself = f"ip,{pod},nw_dst={self.writer.node.cluster.node.address}"
        yield flow("L3Forwarding", 200, itself, self.goto("L2ForwardingCalc"))
        yield flow("L3Forwarding", 190, f"ip,{pod}", self.goto("SNAT"))
        yield flow("L3Forwarding", 190, f"ip,{tunnel}", TO_GATEWAY, self.goto("SNAT"))
        yield flow("SNAT", 190, f"ct_state=+new+trk,ip,{tunnel}")
        gateway = release.source.holds(release.sources.gateway)
        yield flow("L3DecTTL", 210, f"ip,{gateway}", self.goto("L2ForwardingCalc"))
        yield flow("L3DecTTL", 200, "ip", "dec_ttl", self.goto("L2ForwardingCalc"))

    def switch(self) -> Iterator[Flow]:
        flow, release = self.writer.flow, self.writer.release
        policies = next(iter(t for t in release.tables if t in ("EmergencyTierIngress", "AntreaPolicyIngressRule")))
        past = "ConntrackCommit" if release.proxy else policies
        ports = [(GATEWAY_MAC, GATEWAY, past), (VIRTUAL_MAC, TUNNEL, past)]
        ports += [(port.mac, port.number, policies) for port in self.writer.node.pods]
        for mac, number, table in ports:
            actions = (release.write(PORT, number), self.found, self.goto(table))
            yield flow("L2ForwardingCalc", 200, f"dl_dst={mac}", *actions)
        yield self.writer.miss("L2ForwardingCalc", self.goto(past))
        if release.proxy:
            yield flow("IngressRule", 210, "pkt_mark=0x1/0x1", self.goto("ConntrackCommit"))
        else:
            yield flow("IngressRule", 210, f"ip,nw_src={self.writer.node.gateway}", self.goto("ConntrackCommit"))

    def commit(self) -> Iterator[Flow]:
        flow, release = self.writer.flow, self.writer.release
        after = "HairpinSNAT" if release.proxy else "Output"
        table = release.tables[after]
        gateway = release.source.holds(release.sources.gateway)
        noted = f"ct(commit,table={table},zone={ZONE},exec(load:0x20->NXM_NX_CT_MARK[]))"
        yield flow("ConntrackCommit", 200, f"ct_state=+new+trk,ip,{gateway}", noted)
        service = f"ct_state=+new+trk,ct_mark=0x21,ip,{gateway}"
        if release.proxy:
            yield flow("ConntrackCommit", 210, service, self.goto(after))
            yield from self._hairpin()
        yield flow("ConntrackCommit", 190, "ct_state=+new+trk,ip", f"ct(commit,table={table},zone={ZONE})")
        yield flow("Output", 200, f"ip,{release.output.holds(1)}", "output:NXM_NX_REG1[]")

    def _hairpin(self) -> Iterator[Flow]:
        for port in self.writer.node.pods:
            match = f"ip,nw_src={port.pod.address},nw_dst={port.pod.address}"
            actions = (f"mod_nw_src:{HAIRPIN_ADDRESS}", HAIRPIN, self.goto("Output"))
            yield self.writer.flow("HairpinSNAT", 200, match, *actions)
        yield self.writer.flow("Output", 210, "ip,reg0=0x50000/0x50000", "IN_PORT")

    def misses(self) -> Iterator[Flow]:
        """What each table does with the rest: drop it, or leave it to the next that there is."""
        release, miss = self.writer.release, self.writer.miss
        for table in ("Classifier", "SpoofGuard", "Output"):
            yield miss(table)
        to_services = (release.resubmit("SessionAffinity"), release.resubmit("ServiceLB")) if release.proxy else ()
        yield miss("ConntrackState", *(to_services or (self.goto("DNAT"),)))
        tables = list(release.tables)
        for table, following in pairwise(tables):
            if table not in ELSEWHERE:
                yield miss(table, self._on(table, LEAPS.get(table, following)))

    def _on(self, table: str, following: str) -> str:
        native = table.startswith("AntreaPolicy") or "Tier" in table
        return self.writer.release.resubmit(following) if native else self.goto(following)
