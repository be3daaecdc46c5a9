"""Pods and forwarding in the flexible pipeline, since Antrea 1.6."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from .bridge import Flow
from .node import GATEWAY, GATEWAY_MAC, SNAT_ZONE, TUNNEL, VIRTUAL_MAC, ZONE, Writer
from .release import PORT, TO, Bits

VIRTUAL_SERVICE_ADDRESS = "169.254.0.253"
NODE_PORT_ADDRESS = "169.254.0.252"
NODE_PORT, FROM_OUTSIDE, FROM_INSIDE = Bits("reg4", 19, 19), Bits("reg4", 27, 27), Bits("reg4", 28, 28)
FROM_GATEWAY = f"set_field:{GATEWAY_MAC}->eth_src"
TO_GATEWAY = f"set_field:{GATEWAY_MAC}->eth_dst"
TO_VIRTUAL = f"set_field:{VIRTUAL_MAC}->eth_dst"
ENDS = ("PipelineRootClassifier", "ARPSpoofGuard", "ARPResponder", "Classifier", "SpoofGuard", "Output")
ELSEWHERE = (*ENDS, "ConntrackState", "L3Forwarding", "EgressMark", "SessionAffinity", "ServiceLB", "EndpointDNAT")
HAIRPIN = "ct_mark=0x40/0x40"
MARK_SERVICE, MARK_SNAT, MARK_HAIRPIN = (f"set_field:{bit:#x}/{bit:#x}->ct_mark" for bit in (0x10, 0x20, 0x40))


def write_flexible(writer: Writer) -> Iterator[Flow]:
    pipeline = _Flexible(writer)
    yield from pipeline.classify()
    yield from pipeline.guard()
    yield from pipeline.track()
    yield from pipeline.route()
    yield from pipeline.egress()
    yield from pipeline.snat()
    yield from pipeline.switch()
    yield from pipeline.commit()
    yield from pipeline.misses()


@dataclass(frozen=True)
class _Flexible:
    writer: Writer

    def goto(self, table: str) -> str:
        return self.writer.release.goto(table)

    def source(self, code: int) -> str:
        return self.writer.release.write(self.writer.release.source, code)

    def of_source(self, code: int) -> str:
        return self.writer.release.source.holds(code)

    def to(self, code: int) -> str:
        return self.writer.release.write(TO, code)

    def ct(self, match: str, after: str, *changes: str, zone: int = ZONE, nat: str = "") -> tuple[str, str]:
        """A match, and what commits its connections."""
        table = self.writer.release.tables[after]
        parts = ("commit", f"table={table}", f"zone={zone}", nat, f"exec({','.join(changes)})")
        return match, f"ct({','.join(filter(None, parts))})"

    def classify(self) -> Iterator[Flow]:
        flow, sources = self.writer.flow, self.writer.release.sources
        yield flow("PipelineRootClassifier", 200, "arp", self.goto("ARPSpoofGuard"))
        yield flow("PipelineRootClassifier", 200, "ip", self.goto("Classifier"))
        rewrite = self.writer.release.write(self.writer.release.rewrite_mac, 1)
        yield flow("Classifier", 200, f"in_port={TUNNEL}", self.source(sources.tunnel), rewrite, self.goto("UnSNAT"))
        from_gateway, to_guard = self.source(sources.gateway), self.goto("SpoofGuard")
        inside, outside = self.origin(FROM_INSIDE), self.origin(FROM_OUTSIDE)
        if inside:
            itself = f"ip,in_port={GATEWAY},nw_src={self.writer.node.gateway}"
            yield flow("Classifier", 210, itself, from_gateway, *inside, to_guard)
        yield flow("Classifier", 200, f"in_port={GATEWAY}", from_gateway, *outside, to_guard)
        for port in self.writer.node.pods:
            actions = (self.source(sources.pod), *inside, to_guard)
            yield flow("Classifier", 190, f"in_port={port.number}", *actions)

    def origin(self, bit: Bits) -> tuple[str, ...]:
        """Since 2.0 it is kept whether a packet comes from within the cluster."""
        return (self.writer.release.write(bit, 1),) if self.writer.release.version.startswith("2.") else ()

    def guard(self) -> Iterator[Flow]:
        on = self.goto("UnSNAT")
        yield self.writer.flow("SpoofGuard", 200, f"ip,in_port={GATEWAY}", on)
        for port in self.writer.node.pods:
            match = f"ip,in_port={port.number},dl_src={port.mac},nw_src={port.pod.address}"
            yield self.writer.flow("SpoofGuard", 200, match, on)

    def track(self) -> Iterator[Flow]:
        flow, tables = self.writer.flow, self.writer.release.tables
        for address in (VIRTUAL_SERVICE_ADDRESS, self.writer.node.gateway):
            unsnat = f"ct(table={tables['ConntrackZone']},zone={SNAT_ZONE},nat)"
            yield flow("UnSNAT", 200, f"ip,nw_dst={address}", unsnat)
        yield flow("ConntrackZone", 200, "ip", f"ct(table={tables['ConntrackState']},zone={ZONE},nat)")
        policies = self.goto("AntreaPolicyEgressRule")
        rewrite = self.writer.release.write(self.writer.release.rewrite_mac, 1)
        yield flow("ConntrackState", 200, "ct_state=+inv+trk,ip")
        yield flow("ConntrackState", 190, "ct_state=-new+trk,ct_mark=0x10/0x10,ip", rewrite, policies)
        yield flow("ConntrackState", 190, "ct_state=-new+trk,ct_mark=0/0x10,ip", policies)
        names = [name for name in ("NodePortMark", "SessionAffinity", "ServiceLB") if name in tables]
        yield flow("PreRoutingClassifier", 200, "ip", *map(self.writer.release.resubmit, names))
        if "NodePortMark" in tables:
            for address in (self.writer.node.cluster.node.address, NODE_PORT_ADDRESS):
                mark = self.writer.release.write(NODE_PORT, 1)
                yield flow("NodePortMark", 200, f"ip,nw_dst={address}", mark)

    def route(self) -> Iterator[Flow]:
        flow, node, release = self.writer.flow, self.writer.node, self.writer.release
        sources, rewrite, ttl = release.sources, release.rewrite_mac, self.goto("L3DecTTL")
        gateway = (TO_GATEWAY, self.to(sources.gateway), ttl)
        yield flow("L3Forwarding", 210, f"ip,nw_dst={node.gateway}", *gateway)
        yield flow("L3Forwarding", 210, "ct_state=+rpl+trk,ct_mark=0x2/0xf,ip", *gateway)
        here = f"ip,{rewrite.holds(0)},nw_dst={node.cluster.node.pod_cidr}"
        yield flow("L3Forwarding", 200, here, self.goto("L2ForwardingCalc"))
        for network, _, address in node.peers():
            remote = (FROM_GATEWAY, TO_VIRTUAL, f"set_field:{address}->tun_dst", self.to(sources.tunnel), ttl)
            yield flow("L3Forwarding", 200, f"ip,nw_dst={network}", *remote)
        for port in node.pods:
            actions = (FROM_GATEWAY, f"set_field:{port.mac}->eth_dst", ttl)
            yield flow("L3Forwarding", 200, f"ip,{rewrite.holds(1)},nw_dst={port.pod.address}", *actions)
        value, mask = sources.gateway | 1 << rewrite.low, release.source.mask | rewrite.mask
        service = f"ct_mark=0x10/0x10,reg0={value:#x}/{mask:#x}"
        yield flow("L3Forwarding", 190, service, *gateway)
        yield self.writer.miss("L3Forwarding", self.to(sources.gateway), self.goto("L2ForwardingCalc"))

    def egress(self) -> Iterator[Flow]:
        """What leaves the cluster, from pods here and from those of nodes that send it here."""
        flow, node, sources = self.writer.flow, self.writer.node, self.writer.release.sources
        mark = self.goto("EgressMark")
        yield flow("L3Forwarding", 190, f"ct_state=-rpl+trk,ip,{self.of_source(sources.pod)}", mark)
        yield flow("L3Forwarding", 190, f"ct_state=-rpl+trk,ip,{self.of_source(sources.tunnel)}", TO_GATEWAY, mark)
        out = (self.to(sources.gateway), self.goto("L2ForwardingCalc"))
        for address in (node.cluster.node.address, *(peer.address for peer in node.cluster.peers)):
            yield flow("EgressMark", 210, f"ip,nw_dst={address}", *out)
        yield flow("EgressMark", 210, f"ip,nw_dst={node.cluster.service_cidr}", *out)
        yield flow("EgressMark", 190, f"ct_state=+new+trk,ip,{self.of_source(sources.tunnel)}")
        yield self.writer.miss("EgressMark", *out)
        yield flow("L3DecTTL", 210, f"ip,{self.of_source(sources.gateway)}", self.goto("SNATMark"))
        yield flow("L3DecTTL", 200, "ip", "dec_ttl", self.goto("SNATMark"))

    def snat(self) -> Iterator[Flow]:
        flow, node, sources = self.writer.flow, self.writer.node, self.writer.release.sources
        new, after = "ct_state=+new+trk", "L2ForwardingCalc"
        through_gateway = f"{new},ip,reg0={sources.gateway | sources.gateway << 4:#x}/0xff"
        yield flow("SNATMark", 200, *self.ct(through_gateway, "SNAT", MARK_SNAT, MARK_HAIRPIN))
        for port in node.pods:
            itself = f"{new},ip,nw_src={port.pod.address},nw_dst={port.pod.address}"
            yield flow("SNATMark", 190, *self.ct(itself, "SNAT", MARK_SNAT, MARK_HAIRPIN))
        for code, address in ((sources.gateway, VIRTUAL_SERVICE_ADDRESS), (sources.pod, node.gateway)):
            match, nat = f"{new},{HAIRPIN},ip,{self.of_source(code)}", f"nat(src={address})"
            yield flow("SNAT", 200, *self.ct(match, after, MARK_SERVICE, MARK_HAIRPIN, zone=SNAT_ZONE, nat=nat))
        back = f"ct(table={self.writer.release.tables[after]},zone={SNAT_ZONE},nat)"
        yield flow("SNAT", 200, "ct_state=-new-rpl+trk,ct_mark=0x20/0x20,ip", back)
        match, nat = f"{new},ct_mark=0x20/0x20,ip,{self.of_source(sources.gateway)}", f"nat(src={node.gateway})"
        yield flow("SNAT", 190, *self.ct(match, after, MARK_SERVICE, zone=SNAT_ZONE, nat=nat))

    def switch(self) -> Iterator[Flow]:
        flow, release = self.writer.flow, self.writer.release
        ports = [(GATEWAY_MAC, GATEWAY), (VIRTUAL_MAC, TUNNEL)]
        ports += [(port.mac, port.number) for port in self.writer.node.pods]
        for mac, number in ports:
            found = release.write(release.output, release.output_found)
            actions = (release.write(PORT, number), found, self.goto("IngressSecurityClassifier"))
            yield flow("L2ForwardingCalc", 200, f"dl_dst={mac}", *actions)
        of_node = "pkt_mark=0x80000000/0x80000000,ct_state=-rpl+trk,ip"
        yield flow("IngressSecurityClassifier", 210, of_node, self.goto("ConntrackCommit"))
        for code in (release.sources.gateway, release.sources.tunnel):
            yield flow("IngressSecurityClassifier", 200, TO.holds(code), self.goto("IngressMetric"))
        yield flow("IngressSecurityClassifier", 200, HAIRPIN, self.goto("ConntrackCommit"))

    def commit(self) -> Iterator[Flow]:
        flow, release = self.writer.flow, self.writer.release
        new = "ct_state=+new+trk-snat,ct_mark=0/0x10,ip"
        yield flow("ConntrackCommit", 200, *self.ct(new, "Output", "move:NXM_NX_REG0[0..3]->NXM_NX_CT_MARK[0..3]"))
        yield flow("Output", 210, HAIRPIN, "IN_PORT")
        yield flow("Output", 200, release.output.holds(release.output_found), "output:NXM_NX_REG1[]")

    def misses(self) -> Iterator[Flow]:
        tables = list(self.writer.release.tables)
        for table in ENDS:
            if table != "ARPResponder":
                yield self.writer.miss(table)
        yield self.writer.miss("ConntrackState", self.goto("PreRoutingClassifier"))
        for table, following in pairwise(tables):
            if table not in ELSEWHERE:
                yield self.writer.miss(table, self.goto(following))
