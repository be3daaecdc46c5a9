"""What the node sends because of a packet that it does not let through: ICMP errors, resets.

It walks OUTPUT like any packet of the node, so it counts in limits and lists that later packets meet.

Sources: net/ipv4/icmp.c (__icmp_send), net/ipv6/icmp.c (icmp6_send), net/ipv4/netfilter/nf_reject_ipv4.c,
net/ipv6/netfilter/nf_reject_ipv6.c, nf_conntrack_core.c (nf_conntrack_attach).
"""

from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Number
from ruleparse.netfilter.fields import ESTABLISHED, ICMP, ICMP6, LOCAL, NEW, RELATED, TCP
from ruleparse.netfilter.rejections import RESET, is_answered_never
from ruleparse.packet import Packet

TTL_EXCEEDED = {4: "icmp-ttl-exceeded", 6: "icmp6-hop-limit-exceeded"}
_TYPE_AND_CODE = {
    "icmp-net-unreachable": (3, 0),
    "icmp-host-unreachable": (3, 1),
    "icmp-proto-unreachable": (3, 2),
    "icmp-port-unreachable": (3, 3),
    "icmp-net-prohibited": (3, 9),
    "icmp-host-prohibited": (3, 10),
    "icmp-admin-prohibited": (3, 13),
    "icmp-ttl-exceeded": (11, 0),
    "icmp6-no-route": (1, 0),
    "icmp6-adm-prohibited": (1, 1),
    "icmp6-addr-unreachable": (1, 3),
    "icmp6-port-unreachable": (1, 4),
    "icmp6-policy-fail": (1, 5),
    "icmp6-reject-route": (1, 6),
    "icmp6-hop-limit-exceeded": (3, 0),
}
_RST, _ACK = 4, 16
_LONGEST_ERROR = {4: 576, 6: 1280}
_HEADERS = {4: 28, 6: 48}
_INTERNETWORK_CONTROL, _TOS_BITS = 0xC0, 0x1E


def generated(packet: Packet, kind: str | None, family: int) -> Packet | None:
    """The packet of this `kind` that the node sends because of another; its source is 0 if the route is to choose."""
    if kind == RESET:
        return Packet(_reset(packet) | _about(packet, error=False), packet.unknowns)
    if kind not in _TYPE_AND_CODE or is_answered_never(kind, packet, family) is not False:
        return None
    return Packet(_error(packet, kind, family) | _about(packet, error=True), packet.unknowns)


def _error(packet: Packet, kind: str, family: int) -> dict[str, Number]:
    type_, code = _TYPE_AND_CODE[kind]
    length, tos = packet["length"], packet["tos"]
    values: dict[str, Number] = {"proto": ICMP if family == 4 else ICMP6, "icmp_type": type_, "icmp_code": code}
    if isinstance(length, int):
        values["length"] = min(length + _HEADERS[family], _LONGEST_ERROR[family])
    values["tos"] = 0 if family == 6 else bits.rewrite(tos, _INTERNETWORK_CONTROL, 0xFF ^ _TOS_BITS)
    return values | {"src": packet["dst"] if packet["route_type"] == LOCAL else 0, "dst": packet["src"]}


def _reset(packet: Packet) -> dict[str, Number]:
    flags = packet["tcp_flags"]
    answers_ack = isinstance(flags, int) and flags & _ACK
    ends = {"src": packet["dst"], "dst": packet["src"], "sport": packet["dport"], "dport": packet["sport"]}
    return ends | {"proto": TCP, "tcp_flags": _RST if answers_ack else _RST | _ACK, "tos": 0, "length": 40}


def _about(packet: Packet, *, error: bool) -> dict[str, Number]:
    """It belongs to the connection of the packet, if that has one, in the other direction."""
    origin: dict[str, Number] = {"local": 1, "in": 0, "ttl": 64, "mark": 0}
    origin |= {"time": packet["time"]} if packet.given("time") else {}
    if bits.any_bit(packet["ct_state"], NEW | ESTABLISHED | RELATED) is not True:
        return origin
    kept = {name: value for name, value in packet.values.items() if name.startswith("ct_")}
    direction = packet["ct_dir"]
    assert isinstance(direction, int)
    settled = {"dst_nat_done": 1, "src_nat_done": 1 if error else packet["src_nat_done"]}
    state = {"ct_state": RELATED, "ct_dir": 1 - direction, "ct_known": 1, "ct_pending": 0, "ct_error": 1}
    return origin | kept | settled | state | {"ct_began": 0, "ct_replaced": 0}
