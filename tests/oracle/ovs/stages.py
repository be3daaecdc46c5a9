"""Tables shaped like Antrea's: each function writes one, for the place it has in this pipeline.

Flows of one priority never overlap, or the switch would be free to choose; conjunctions of one priority never become
complete together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from random import Random

from corpora.writers.antrea.node import GATEWAY_MAC, VIRTUAL_MAC
from tests.oracle.ovs.actions import SNAT
from tests.oracle.ovs.registers import (
    ADDRESS,
    DENIED_BY,
    EGRESS_RULE,
    ENDPOINT,
    ENDPOINT_PORT,
    INGRESS_RULE,
    PORT,
    STATE,
    Bits,
    Layout,
)
from tests.oracle.ovs.world import (
    DST,
    GATEWAY,
    IP,
    PORTS,
    SRC,
    TRANSPORTS,
    TUNNEL,
    VIRTUAL,
    Pod,
    Service,
    Site,
)

Row = tuple[int, str, str]
"""priority, match, actions"""
FROM_TUNNEL, FROM_GATEWAY, FROM_POD = 0, 1, 2
TO_SELECT, SELECTED, TO_LEARN = 1, 2, 3
CLAUSES, ALLOWS, ESTABLISHED = 200, 190, 64990
NUMBERS = {"tcp": 6, "udp": 17}


@dataclass(frozen=True, slots=True)
class Place:
    """`numbers` of the tables of this pipeline by stage; a stage that was left out stands for the next one."""

    site: Site
    layout: Layout
    numbers: dict[str, int]
    here: str
    rules: Iterator[int]

    @property
    def random(self) -> Random:
        return self.site.random

    def on(self, stage: str = "") -> str:
        """The way on: to a stage, or to the next."""
        number = self.numbers[stage] if stage else min(n for n in self.numbers.values() if n > self.numbers[self.here])
        return self.random.choice((f"goto_table:{number}", f"resubmit(,{number})"))

    def write(self, bits: Bits, value: int) -> str:
        return self.layout.write(bits, value)


Stage = Callable[[Place], Iterator[Row]]
STAGES: dict[str, Stage] = {}


def stage(write: Stage) -> Stage:
    STAGES[write.__name__] = write
    return write


@stage
def classifier(place: Place) -> Iterator[Row]:
    def from_here(code: int, *more: str) -> str:
        return ",".join((place.write(place.layout.source, code), *more, place.on("guard")))

    rewrite = place.write(place.layout.rewrite, 1)
    yield 200, f"in_port={TUNNEL}", ",".join((place.write(place.layout.source, FROM_TUNNEL), rewrite, place.on("zone")))
    yield 200, f"in_port={GATEWAY}", from_here(FROM_GATEWAY)
    for pod in place.site.pods:
        yield 190, f"in_port={pod.port}", from_here(FROM_POD)
    yield 0, "", "drop"


@stage
def guard(place: Place) -> Iterator[Row]:
    for family in place.site.families:
        yield 200, f"{IP[family]},in_port={GATEWAY}", place.on("hairpin")
        for pod in place.site.pods:
            match = f"{IP[family]},in_port={pod.port},dl_src={pod.mac},{SRC[family]}={pod.address(family)}"
            yield 200, match, place.on("hairpin")
    for pod in place.site.pods:
        yield 200, f"arp,in_port={pod.port},arp_spa={pod.address(4)},arp_sha={pod.mac}", place.on("arp")
    yield 0, "", "drop"


@stage
def arp(place: Place) -> Iterator[Row]:
    answer = (
        "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
        f"mod_dl_src:{VIRTUAL_MAC}",
        "load:0x2->NXM_OF_ARP_OP[]",
        "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]",
        f"set_field:{VIRTUAL_MAC}->arp_sha",
        "move:NXM_OF_ARP_TPA[]->NXM_NX_REG2[]",
        "move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]",
        "move:NXM_NX_REG2[]->NXM_OF_ARP_SPA[]",
        "IN_PORT",
    )
    yield 200, f"arp,arp_tpa={place.site.network(4, place.random.choice((1, 2)))},arp_op=1", ",".join(answer)
    yield 190, "arp", place.random.choice(("FLOOD", "LOCAL", "ALL"))
    yield 0, "", "drop"


@stage
def hairpin(place: Place) -> Iterator[Row]:
    for family in place.site.families:
        unsnat = f"ct(table={place.numbers['zone']},zone=65521,nat)"
        yield 200, f"{IP[family]},{DST[family]}={VIRTUAL[family]}", unsnat
    yield 0, "", place.on()


@stage
def zone(place: Place) -> Iterator[Row]:
    nat = place.random.choice(("", ",nat"))
    for family, number in zip((4, 6), (65520, 65510), strict=True):
        yield 200, IP[family], f"ct(table={place.numbers['state']},zone={number}{nat})"
    yield 0, "", place.on()


@stage
def state(place: Place) -> Iterator[Row]:
    rewrite = place.write(place.layout.rewrite, 1)
    for family in (4, 6):
        yield 200, f"ct_state=+inv+trk,{IP[family]}", "drop"
        yield 190, f"ct_state=-new+trk,ct_mark=0x10/0x10,{IP[family]}", f"{rewrite},{place.on('egress')}"
        if place.site.chance(0.7):
            yield 190, f"ct_state=-new+trk,ct_mark=0/0x10,{IP[family]}", place.on("egress")
    if place.site.chance(0.5):
        yield 0, "", f"resubmit(,{place.numbers['affinity']}),resubmit(,{place.numbers['services']})"
    else:
        yield 0, "", place.on("affinity")


@stage
def affinity(place: Place) -> Iterator[Row]:
    for service in place.site.services:
        if service.sticky and place.site.chance(0.5):
            pod, port = service.endpoints[0]
            chosen = (_write_address(place.layout, pod, 4), place.write(ENDPOINT_PORT, port))
            yield 200, _learned(place, service), ",".join((*chosen, place.write(STATE, SELECTED)))
    learn = place.write(STATE, TO_SELECT)
    yield 0, "", place.random.choice((learn, f"{learn},{place.on()}"))


def _learned(place: Place, service: Service) -> str:
    client = place.random.choice(place.site.pods).address(4)
    return f"{service.protocol},nw_src={client},nw_dst={service.address(4)},tp_dst={service.port}"


@stage
def services(place: Place) -> Iterator[Row]:
    for service in place.site.services:
        for family in place.site.families:
            keyword = service.protocol + "6" * (family == 6)
            where = f"{DST[family]}={service.address(family)},tp_dst={service.port}"
            selected = TO_LEARN if service.sticky else SELECTED
            actions = (place.write(STATE, selected), place.write(place.layout.rewrite, 1))
            group = f"group:{group_number(service, family)}"
            yield 200, f"{keyword},{STATE.holds(TO_SELECT)},{where}", ",".join((*actions, group))
            if service.sticky:
                ends = (_learn(place, service, family), place.write(STATE, SELECTED), place.on("endpoints"))
                yield 190, f"{keyword},{STATE.holds(TO_LEARN)},{where}", ",".join(ends)
    yield 0, "", place.on()


def _learn(place: Place, service: Service, family: int) -> str:
    kept = "NXM_NX_REG3[]->NXM_NX_REG3[]" if family == 4 else "NXM_NX_XXREG3[]->NXM_NX_XXREG3[]"
    addresses = "NXM_OF_IP_DST[],NXM_OF_IP_SRC[]" if family == 4 else "NXM_NX_IPV6_DST[],NXM_NX_IPV6_SRC[]"
    return (
        f"learn(table={place.numbers['affinity']},hard_timeout=300,priority=200,delete_learned,cookie=0x7,"
        f"eth_type={0x800 if family == 4 else 0x86DD:#x},nw_proto={NUMBERS[service.protocol]},"
        f"OXM_OF_{service.protocol.upper()}_DST[],{addresses},load:{kept},"
        "load:NXM_NX_REG4[0..15]->NXM_NX_REG4[0..15],load:0x2->NXM_NX_REG4[16..18])"
    )


def group_number(service: Service, family: int) -> int:
    return 100 + service.number * 10 + family


def service_groups(site: Site, layout: Layout, numbers: dict[str, int]) -> Iterator[str]:
    for service in site.services:
        for family in site.families:
            table = numbers["services" if service.sticky else "endpoints"]
            method = ",selection_method=hash,fields(tcp_src,udp_src)" if service.hashed else ""
            method = method.replace("tcp_src,udp_src", f"{'ip' if family == 4 else 'ipv6'}_src")
            buckets = ""
            for place, (pod, port) in enumerate(service.endpoints):
                chosen = f"{_write_address(layout, pod, family)},{layout.write(ENDPOINT_PORT, port)}"
                buckets += f",bucket=bucket_id:{place},weight:100,actions={chosen},resubmit(,{table})"
            yield f"group_id={group_number(service, family)},type=select{method}{buckets}"


def _write_address(layout: Layout, pod: Pod, family: int) -> str:
    if family == 4:
        return layout.write(ADDRESS, int(ip_address(pod.address(4))))
    return f"set_field:{int(ip_address(pod.address(6))):#x}->xxreg3"


@stage
def endpoints(place: Place) -> Iterator[Row]:
    chosen = {(s.protocol, *endpoint) for s in place.site.services for endpoint in s.endpoints}
    for protocol, pod, port in sorted(chosen, key=str):
        for family in place.site.families:
            register = ADDRESS.holds(int(ip_address(pod.address(4)))) if family == 4 else _address6(pod)
            to = f"{pod.address(4)}:{port}" if family == 4 else f"[{pod.address(6)}]:{port}"
            marked = place.random.choice(("set_field:0x10/0x10->ct_mark", "load:0x1->NXM_NX_CT_MARK[4]"))
            moved = place.random.choice(("", ",move:NXM_NX_REG0[0..3]->NXM_NX_CT_MARK[0..3]"))
            zone = 65520 if family == 4 else 65510
            table = place.numbers["egress"]
            dnat = f"ct(commit,table={table},zone={zone},nat(dst={to}),exec({marked}{moved}))"
            keyword = protocol + "6" * (family == 6)
            yield 200, f"{keyword},{register},{ENDPOINT.holds(SELECTED << 16 | port)}", dnat
    yield 0, "", place.on()


def _address6(pod: Pod) -> str:
    return f"xxreg3={int(ip_address(pod.address(6))):#x}"


@stage
def egress(place: Place) -> Iterator[Row]:
    yield from _policies(place, "egress_default", "route", EGRESS_RULE, 32)


@stage
def egress_default(place: Place) -> Iterator[Row]:
    for pod in place.site.pods:
        for family in place.site.families:
            if place.site.chance(0.25):
                yield 200, f"{IP[family]},{SRC[family]}={pod.address(family)}", "drop"
    yield 0, "", place.on()


def _policies(place: Place, default: str, past: str, noted: Bits, label: int) -> Iterator[Row]:
    ingress_side = noted is INGRESS_RULE
    if place.site.chance(0.7):
        yield ESTABLISHED, "ct_state=-new+est,ip", place.on(past)
    pods = list(place.site.pods)
    place.random.shuffle(pods)
    shared: dict[tuple[int, str], list[str]] = {}
    priorities = iter(place.random.sample(range(14000, 14600), 6))
    for kubernetes in (True, True, False, False):
        if place.site.chance(0.4) or (kubernetes and not pods):
            continue
        number = next(place.rules)
        priority = CLAUSES if kubernetes else next(priorities)
        mine = [pods.pop()] if kubernetes else place.random.sample(place.site.pods, 2)
        dimensions = _dimensions(place, mine, ingress_side)
        for position, alternatives in enumerate(dimensions, 1):
            for match in dict.fromkeys(alternatives):
                clause = f"conjunction({number},{position}/{len(dimensions)})"
                shared.setdefault((priority, match), []).append(clause)
        answers = ALLOWS - len(pods) if kubernetes else place.random.choice((priority, next(priorities)))
        if not place.site.chance(0.05):
            yield (
                answers,
                f"conj_id={number},{place.random.choice(('ip', 'ip', 'ipv6'))}",
                _verdict(place, past, noted, label, number),
            )
    for (priority, match), clauses in shared.items():
        yield priority, match, ",".join(clauses)
    yield 0, "", place.on(default)


def _dimensions(place: Place, pods: list[Pod], ingress_side: bool) -> list[list[str]]:
    random, site = place.random, place.site
    here, there = [], []
    for family in site.families:
        peers = {site.prefix(family) for _ in range(random.choice((1, 2, 3)))}
        there += [f"{IP[family]},{(SRC if ingress_side else DST)[family]}={peer}" for peer in sorted(peers)]
        if not ingress_side:
            here += [f"{IP[family]},{SRC[family]}={pod.address(family)}" for pod in pods]
    if ingress_side:
        here = [PORT.holds(pod.port) for pod in pods]
    protocol = random.choice(TRANSPORTS)
    family = site.family()
    ports = [f"{protocol}{'6' * (family == 6)},tp_dst={port}" for port in random.sample(PORTS, 2)]
    if site.chance(0.3):
        ports = [f"{protocol}{'6' * (family == 6)},tp_dst=0x1f90/0xfff0"]
    both = [there, here] if ingress_side else [here, there]
    return both if site.chance(0.3) else [*both, ports]


def _verdict(place: Place, past: str, noted: Bits, label: int, number: int) -> str:
    allowed = place.write(noted, number)
    labelled = f"load:{number:#x}->NXM_NX_CT_LABEL[{label}..{label + 31}]"
    commit = f"ct(commit,table={place.numbers[past]},zone=65520,exec({labelled}))"
    denied = ",".join((place.write(DENIED_BY, number), place.write(place.layout.deny, 1), place.on(past)))
    return place.random.choice((f"{allowed},{commit}", f"{allowed},{place.on(past)}", denied, "drop"))


@stage
def route(place: Place) -> Iterator[Row]:
    site, rewrite = place.site, place.layout.rewrite
    yield 220, place.layout.deny.holds(1), "drop"
    for family in site.families:
        for pod in site.pods:
            macs = f"mod_dl_src:{GATEWAY_MAC},set_field:{pod.mac}->eth_dst,dec_ttl"
            yield 200, f"{IP[family]},{rewrite.holds(1)},{DST[family]}={pod.address(family)}", f"{macs},{place.on()}"
        for peer in site.peers:
            macs = f"set_field:{GATEWAY_MAC}->eth_src,mod_dl_dst:{VIRTUAL_MAC}"
            remote = place.random.choice(
                (f"load:0xc0a84d{peer:02x}->NXM_NX_TUN_IPV4_DST[]", f"set_field:192.168.77.{peer}->tun_dst")
            )
            where = f"{IP[family]},{DST[family]}={site.network(family, peer)}"
            yield 200, where, f"{macs},{remote},dec_ttl,{place.on()}"
        back = f"ct_state=+rpl+trk,ct_mark=0x20,{IP[family]}"
        yield 210, back, f"mod_dl_dst:{GATEWAY_MAC},{place.on()}"
    yield 0, "", place.on()


@stage
def snat(place: Place) -> Iterator[Row]:
    for family in place.site.families:
        source = place.layout.source.holds(FROM_POD)
        nat = f"ct(commit,table={place.numbers['switch']},zone=65521,{SNAT[family]},exec(set_field:0x20/0x20->ct_mark))"
        yield 200, f"ct_state=+new+trk,{IP[family]},{source},{DST[family]}={place.site.prefix(family)}", nat
        yield (
            190,
            f"ct_state=-new-rpl+trk,ct_mark=0x20/0x20,{IP[family]}",
            f"ct(table={place.numbers['switch']},zone=65521,nat)",
        )
    yield 0, "", place.on()


@stage
def switch(place: Place) -> Iterator[Row]:
    ports = [(GATEWAY_MAC, GATEWAY), (VIRTUAL_MAC, TUNNEL), *((pod.mac, pod.port) for pod in place.site.pods)]
    for mac, number in ports:
        found = (place.write(PORT, number), place.write(place.layout.found, 1))
        yield 200, f"dl_dst={mac}", ",".join((*found, place.on(place.random.choice(("ingress", "ingress", "commit")))))
    yield 0, "", place.on(place.random.choice(("ingress", "commit")))


@stage
def ingress(place: Place) -> Iterator[Row]:
    yield from _policies(place, "ingress_default", "commit", INGRESS_RULE, 0)


@stage
def ingress_default(place: Place) -> Iterator[Row]:
    for pod in place.site.pods:
        if place.site.chance(0.3):
            yield 200, PORT.holds(pod.port), "drop"
    yield 0, "", place.on()


@stage
def commit(place: Place) -> Iterator[Row]:
    exec_ = place.random.choice(
        ("", ",exec(load:0x20->NXM_NX_CT_MARK[])", ",exec(move:NXM_NX_REG0[0..3]->NXM_NX_CT_MARK[0..3])")
    )
    for family, number in zip((4, 6), (65520, 65510), strict=True):
        match = f"ct_state=+new+trk,{IP[family]}" + place.random.choice(("", ",ct_mark=0/0x10"))
        yield 190, match, f"ct(commit,table={place.numbers['output']},zone={number}{exec_})"
    yield 0, "", place.on()


@stage
def output(place: Place) -> Iterator[Row]:
    found = place.layout.found.holds(1)
    yield 210, "ct_mark=0x40/0x40,ip", "IN_PORT"
    yield 200, found, place.random.choice(("output:NXM_NX_REG1[]", "output:NXM_NX_REG1[0..15]"))
    if place.site.chance(0.5):
        yield 190, "ip", place.random.choice(("controller(reason=no_match,id=62373,userdata=04)", "LOCAL", "drop"))
    yield 0, "", "drop"
