"""Draws a whole pipeline, and packets that have something to do with it."""

from __future__ import annotations

from itertools import count
from random import Random

from corpora.writers.antrea.node import GATEWAY_MAC, VIRTUAL_MAC
from tests.oracle.ovs.antrea import antrea_pipeline
from tests.oracle.ovs.pipeline import Flow, Packet, Pipeline
from tests.oracle.ovs.registers import random_layout
from tests.oracle.ovs.stages import STAGES, Place, service_groups
from tests.oracle.ovs.wild import Wild
from tests.oracle.ovs.world import (
    BRIDGE_PORTS,
    DST,
    GATEWAY,
    PORTS,
    SRC,
    TRANSPORTS,
    TUNNEL,
    Site,
    random_site,
)

WILD_GROUPS = 3
STATES = (
    "trk,new",
    "trk,new",
    "trk,est",
    "trk,est",
    "trk,est,rpl",
    "trk,inv",
    "trk,rel",
    "trk,new,rel",
    "trk,est,dnat",
)
OPTIONAL = ("hairpin", "egress_default", "ingress_default", "snat")


def draw(seed: str) -> tuple[Pipeline, Site]:
    """The same seed draws the same pipeline."""
    site = random_site(Random(seed))
    if 4 in site.families and site.chance(0.2):
        return antrea_pipeline(site), site
    return (_shaped if site.chance(0.55) else _free)(site), site


def _shaped(site: Site) -> Pipeline:
    """Antrea's tables, with strange flows strewn in between and some tables of strange flows only."""
    random, layout = site.random, random_layout(site.random)
    stages = list(STAGES)
    numbers = dict(zip(stages, [0, *sorted(random.sample(range(1, 200), len(stages) - 1))], strict=True))
    wild = Wild(site, list(numbers.values()), tracked=True, groups=WILD_GROUPS)
    rules, flows = count(random.choice((1, 1, 40))), []
    strangeness = random.choice((0, 0, 0.5, 2))
    for name, number in numbers.items():
        place = Place(site, layout, numbers, name, rules)
        if name in OPTIONAL and site.chance(0.2):
            flows.append(Flow(number, 0, (), (place.on(),)))
            continue
        rows = [(priority, match, actions) for priority, match, actions in STAGES[name](place)]
        flows += [
            Flow(number, priority, (match,) if match else (), (actions,), _cookie(site))
            for priority, match, actions in rows
        ]
        taken = {row[0] for row in rows}
        flows += _strange(wild, number, taken, round(strangeness * random.random() * 2))
    groups = [*service_groups(site, layout, numbers), *(wild.group(number) for number in range(1, WILD_GROUPS + 1))]
    return _pipeline(site, flows, groups, numbers, tracked=True)


def _free(site: Site) -> Pipeline:
    """Tables of strange flows."""
    random = site.random
    tables = [0, *sorted(random.sample(range(1, 120), random.choice((1, 2, 3, 5, 8))))]
    tracked = site.chance(0.6)
    wild = Wild(site, tables, tracked, groups=WILD_GROUPS)
    groups = [wild.group(number) for number in range(1, WILD_GROUPS + 1)]
    flows = []
    for table in tables:
        flows += _strange(wild, table, {0}, random.choice((2, 4, 6, 10)))
        later = [other for other in tables if other > table]
        if later and site.chance(0.8):
            flows.append(Flow(table, 0, (), (f"resubmit(,{random.choice(later)})",)))
    return _pipeline(site, flows, groups, {}, tracked)


def _strange(wild: Wild, table: int, taken: set[int], how_many: int) -> list[Flow]:
    random = wild.site.random
    free = [priority for priority in (*range(150, 260), 32768, 65535, 1, 5) if priority not in taken]
    priorities = random.sample(free, how_many)
    return [Flow(table, priority, *wild.row(table), _cookie(wild.site)) for priority in priorities]


def _cookie(site: Site) -> int:
    return site.random.choice((0, 0, 0x1020000000000, 0x1030000000007, site.random.getrandbits(64)))


def _pipeline(site: Site, flows: list[Flow], groups: list[str], numbers: dict[str, int], tracked: bool) -> Pipeline:
    site.random.shuffle(flows)
    names = {number: name for name, number in numbers.items()}
    return Pipeline(tuple(groups), tuple(map(str, flows)), names, tracked)


def draw_packet(site: Site, tracked: bool) -> Packet:
    random = site.random
    arrived, fields = _arrival(site)
    if site.chance(0.08) and 4 in site.families:
        return Packet(",".join([*arrived, *_arp(site)]))
    if site.chance(0.02):
        return Packet(",".join([*arrived[:1], "dl_type=0x88cc", *arrived[1:]]))
    flow = ",".join([*arrived, *fields, *_tag(site)])
    states = random.choices(STATES, k=random.choice((1, 1, 2, 3))) if tracked and site.chance(0.5) else ()
    return Packet(flow, tuple(states))


def _arrival(site: Site) -> tuple[list[str], list[str]]:
    """Where a packet comes in, and its headers: mostly as its sender would write them."""
    random, family = site.random, site.family()
    pod = random.choice(site.pods)
    near = [other.address(family) for other in site.pods]
    served = [service.address(family) for service in site.services]
    to = random.choice(served if served and site.chance(0.3) else [site.address(family), *near])
    port, mac, source = random.choice(
        [(pod.port, pod.mac, pod.address(family))] * 5
        + [(GATEWAY, GATEWAY_MAC, random.choice((site.gateway(family), site.address(family))))]
        + [(TUNNEL, GATEWAY_MAC, site.far_address(family, random.choice(site.peers)))]
        + [(random.choice([*BRIDGE_PORTS.values(), "LOCAL"]), site.mac(), site.address(family))]
    )
    macs = [other.mac for other in site.pods if other.address(family) == to] or [GATEWAY_MAC, VIRTUAL_MAC]
    target = site.mac() if site.chance(0.1) else random.choice(macs)
    service = [service for service in site.services if service.address(family) == to]
    protocol, number = (service[0].protocol, service[0].port) if service and site.chance(0.8) else ("", 0)
    headers = _transport(site, family, protocol, number)
    addresses = [f"{SRC[family]}={source}", f"{DST[family]}={to}"]
    return [f"in_port={port}", f"dl_src={mac}", f"dl_dst={target}"], [headers[0], *addresses, *headers[1:]]


def _transport(site: Site, family: int, protocol: str, number: int) -> list[str]:
    random = site.random
    protocol = protocol or random.choice(("tcp", "tcp", "tcp", "udp", "udp", "sctp", "icmp"))
    common = [protocol + "6" * (family == 6), f"nw_ttl={random.choice((64, 64, 64, 64, 1, 2))}"]
    if site.chance(0.05):
        common.append(random.choice(("nw_tos=32", "nw_tos=184", "nw_ecn=1")))
    if site.chance(0.04):
        common.append(f"nw_frag={random.choice(('first', 'later'))}")
        if common[-1] == "nw_frag=later":
            return common
    if protocol in TRANSPORTS:
        common += [
            f"{protocol}_src={random.choice((1000, 2000, 40000))}",
            f"{protocol}_dst={number or random.choice(PORTS)}",
        ]
        if protocol == "tcp":
            common.append(f"tcp_flags={random.choice(('syn', 'syn', 'ack', 'syn|ack', 'rst|ack'))}")
        return common
    name, types = ("icmp", (8, 0, 3)) if family == 4 else ("icmpv6", (128, 129, 135, 136))
    return [*common, f"{name}_type={random.choice(types)}", f"{name}_code=0"]


def _arp(site: Site) -> list[str]:
    operation, senders = site.random.choice((1, 1, 2)), site.random.choice(site.pods)
    addresses = (f"arp_spa={senders.address(4)}", f"arp_tpa={site.random.choice((site.address(4), '10.10.1.1'))}")
    return ["arp", f"arp_op={operation}", *addresses, f"arp_sha={senders.mac}", "arp_tha=00:00:00:00:00:00"]


def _tag(site: Site) -> list[str]:
    random = site.random
    found = []
    if site.chance(0.06):
        found.append(random.choice(("dl_vlan=10", "dl_vlan=20", "dl_vlan=10,dl_vlan_pcp=3")))
    if site.chance(0.05):
        found.append(random.choice(("pkt_mark=0x1", "pkt_mark=0x40", "tun_id=0x7", "metadata=0x5")))
    return found
