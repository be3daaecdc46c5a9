"""Random packets that make sense at a site, and some that make less."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from tests.oracle import wire
from tests.oracle.draft import PORTS
from tests.oracle.topology import LOOPBACK, Site
from tests.oracle.wire import Packet

KINDS = ("forward", "input", "output")
_PROTOCOLS = {
    4: (
        wire.TCP,
        wire.UDP,
        wire.ICMP,
        wire.SCTP,
        wire.DCCP,
        wire.UDPLITE,
        wire.ESP,
        wire.AH,
        wire.GRE,
        wire.IPCOMP,
        wire.IPIP,
        wire.OSPF,
    ),
    6: (
        wire.TCP,
        wire.UDP,
        wire.ICMP6,
        wire.SCTP,
        wire.DCCP,
        wire.UDPLITE,
        wire.ESP,
        wire.AH,
        wire.GRE,
        wire.IPCOMP,
        wire.MH,
        wire.OSPF,
    ),
}
_PROTOCOL_WEIGHTS = (34, 22, 14, 10, 6, 3, 3, 3, 1, 2, 1.5, 0.5)
_ICMP_TYPES = {
    4: ((8, 0), (8, 0), (8, 0), (0, 0), (13, 0), (3, 1), (3, 3), (11, 0), (5, 1), (9, 0)),
    6: ((128, 0), (128, 0), (128, 0), (129, 0), (1, 4), (2, 0), (3, 0), (133, 0), (134, 0), (135, 0), (143, 0)),
}
_FLAGS = (wire.SYN,) * 12 + (
    wire.ACK,
    wire.PSH | wire.ACK,
    wire.SYN | wire.ACK,
    wire.RST,
    wire.FIN | wire.ACK,
    0,
    wire.FIN | wire.PSH | wire.URG,
    wire.SYN | wire.FIN,
    wire.SYN | wire.ECE | wire.CWR,
)
_MSS = b"\x02\x04\x05\xb4"
_PAYLOADS = (
    b"",
    b"",
    b"x",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"SSH-2.0-Go\r\n",
    bytes(64),
    b"y" * 300,
)
_TOS = (0, 0, 0, 0, 0x10, 0x08, 0x28, 0xB8, 0x68, 0x02, 0x03, 0xFF)
_EXTENSIONS = (
    (wire.HOP_BY_HOP,),
    (wire.DESTINATION,),
    (wire.HOP_BY_HOP, wire.DESTINATION),
    (wire.ROUTING,),
    (wire.HOP_BY_HOP, wire.ROUTING, wire.DESTINATION),
)
_TTLS = (64, 64, 64, 64, 128, 255, 63, 2, 1)


def random_packet(rng: random.Random, site: Site, family: int, kind: str | None = None) -> Packet:
    """A packet that is forwarded, delivered or sent, if nothing is done to it."""
    kind = kind or rng.choice(KINDS)
    link = rng.choice(site.links)
    src, enters = rng.choice(site.hosts(link, family)), link.name
    if kind == "input":
        dst = rng.choice(site.local(family))
    elif kind == "forward":
        other = rng.choice([other for other in site.links if other is not link])
        dst = rng.choice((rng.choice(site.hosts(other, family)), rng.choice(site.services(family))))
    else:
        src, dst = _ends_of_local_packet(rng, site, family)
        enters = wire.LOCAL
    if rng.random() < 0.04:
        dst = rng.choice([address for address in site.strange(family) if enters != wire.LOCAL or not to_many(address)])
    if rng.random() < 0.03 and kind != "output":
        src = rng.choice((*site.strange(family), *site.local(family)))
    uid = rng.choice((0, 0, 1337, 65534)) if enters == wire.LOCAL else 0
    return with_transport(rng, Packet(src, dst, wire.TCP, enters, uid=uid))


def _ends_of_local_packet(rng: random.Random, site: Site, family: int) -> tuple[str, str]:
    if rng.random() < 0.05:
        return LOOPBACK[family], LOOPBACK[family]
    somebody = rng.choice(site.hosts(rng.choice(site.links), family))
    src = rng.choice([address for address in site.local(family) if not address.startswith("fe80")])
    return src, rng.choice((somebody, somebody, rng.choice(site.services(family)), rng.choice(site.local(family))))


def with_transport(rng: random.Random, packet: Packet) -> Packet:
    """The same ends, another protocol and other header fields."""
    (proto,) = rng.choices(_PROTOCOLS[packet.family], _PROTOCOL_WEIGHTS)
    sport = rng.choice(PORTS) if rng.random() < 0.3 else rng.randrange(1024, 65536)
    flags = rng.choice(_FLAGS)
    extensions = rng.choice(_EXTENSIONS) if packet.family == 6 and rng.random() < 0.1 else ()
    return replace(
        packet,
        proto=proto,
        sport=sport,
        dport=rng.choice(PORTS),
        flags=flags,
        options=_MSS if flags & wire.SYN else b"",
        icmp=(rng.choice((0, 1, 5)), 0) if proto == wire.MH else rng.choice(_ICMP_TYPES[packet.family]),
        rest=rng.randrange(1, 65536) << 16 | 1,
        spi=rng.choice((1, 100, 0x1000)),
        chunk=rng.choice((1, 1, 1, 0, 10)),
        dccp_type=rng.choice((0, 0, 0, 2, 7)),
        tos=rng.choice(_TOS),
        ttl=rng.choice(_TTLS),
        payload=rng.choice(_PAYLOADS),
        extensions=extensions,
    )


def to_many(address: str) -> bool:
    """Broadcast or multicast; when the node sends such a packet, copies of it come back."""
    return bool(wire.mac_of_group(address))


def kind_of(site: Site, packet: Packet) -> str:
    if packet.local:
        return "output"
    return "input" if site.egress(packet.dst) == "lo" else "forward"


def varied(rng: random.Random, site: Site, packet: Packet) -> Packet:
    """A packet that differs in one thing."""
    what = rng.choice(("sport", "dport", "tos", "ttl", "src", "dst", "payload", "transport", "icmp"))
    if what == "transport":
        return with_transport(rng, packet)
    if what == "src" and not packet.local:
        return replace(packet, src=rng.choice(site.hosts(site.link(packet.enters), packet.family)))
    if what == "dst" and packet.dst not in site.local(packet.family):
        other = rng.choice(site.hosts(rng.choice(site.links), packet.family))
        return replace(packet, dst=rng.choice((other, rng.choice(site.services(packet.family)))))
    fields: dict[str, Any] = {
        "sport": PORTS,
        "dport": PORTS,
        "tos": _TOS,
        "ttl": _TTLS,
        "payload": _PAYLOADS,
        "icmp": _ICMP_TYPES[packet.family],
    }
    return replace(packet, **{what: rng.choice(fields[what])}) if what in fields else packet


def odd(rng: random.Random, packet: Packet, fragments: bool) -> Packet:
    """Now and then something is wrong or rare about a packet."""
    if packet.family == 4 and rng.random() < 0.3:
        packet = replace(packet, fragment=wire.DONT_FRAGMENT)
    if rng.random() >= (0.2 if fragments else 0.08):
        return packet
    choices = [_cut_short, _spoilt]
    choices += [] if packet.local else [_from_another_mac, _to_another_mac]
    choices += [_fragment] * 5 if fragments else []
    return rng.choice(choices)(rng, packet)


def _cut_short(rng: random.Random, packet: Packet) -> Packet:
    return replace(packet, cut=rng.choice((0, 2, 3, 4, 7, 12, 19)))


def _spoilt(_: random.Random, packet: Packet) -> Packet:
    return replace(packet, spoilt=True)


def _from_another_mac(_: random.Random, packet: Packet) -> Packet:
    return replace(packet, src_mac="02:00:00:00:00:99")


def _to_another_mac(rng: random.Random, packet: Packet) -> Packet:
    return replace(packet, dst_mac=rng.choice(("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb", "02:02:02:02:02:02")))


def _fragment(rng: random.Random, packet: Packet) -> Packet:
    extensions = (*packet.extensions, wire.FRAGMENT) if packet.family == 6 else ()
    return replace(packet, fragment=rng.choice((0x2000, 0x2000 | 185, 185, 1)), extensions=extensions)
