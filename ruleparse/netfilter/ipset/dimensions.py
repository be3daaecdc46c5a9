"""What the dimensions of a set read of a packet: a number, and whether there is one.

Sources: net/netfilter/ipset/ip_set_getport.c, ip_set_hash_mac.c, ip_set_hash_netiface.c, pfxlen.c.
"""

from __future__ import annotations

from collections.abc import Sequence

from ruleparse import bits
from ruleparse.bits import Bool, Number, all_of, any_of, negate
from ruleparse.netfilter.fields import ICMP, ICMP6, SCTP, TCP, UDP, UDPLITE
from ruleparse.netfilter.ipset.types import Dimension
from ruleparse.packet import Packet

Reading = tuple[Number, Bool]

_HEADERS = {TCP: 20, SCTP: 12, UDP: 8, UDPLITE: 8, ICMP: 8, ICMP6: 8}
"""octets that must be there for the ports, or type and code, to be read"""


def read(dimension: Dimension, source: bool, family: int, packet: Packet) -> Reading:
    """What a dimension reads of a packet, at its source or its destination."""
    match dimension:
        case Dimension.IP | Dimension.NET:
            return packet["src" if source else "dst"], True
        case Dimension.PORT:
            return _port(source, family, packet)
        case Dimension.PLAIN_PORT:
            number, there = _port(source, family, packet)
            return _low(number, 16), bits.both(there, _is_one_of(packet["proto"], (TCP, UDP)))
        case Dimension.MARK:
            return packet["mark"], True
        case Dimension.MAC:
            return _mac(source, packet)
        case Dimension.INTERFACE:
            name = packet["in" if source else "out"]
            return name, negate(bits.equal_masked(name, 0, -1))
        case Dimension.SET:
            raise AssertionError("a list of sets reads nothing itself")


def _is_one_of(number: Number, values: Sequence[int]) -> Bool:
    return any_of(bits.equal_masked(number, value, -1) for value in values)


def _mac(source: bool, packet: Packet) -> Reading:
    """Packets of this node have no Ethernet header yet."""
    number = packet["src_mac" if source else "dst_mac"]
    return number, all_of((negate(bits.equal_masked(packet["local"], 1, 1)), negate(bits.equal_masked(number, 0, -1))))


def _port(source: bool, family: int, packet: Packet) -> Reading:
    """The protocol above the port, above type and code for ICMP, above 0 for protocols without ports."""
    proto = packet["proto"]
    ported, icmp = _is_one_of(proto, (TCP, UDP, SCTP, UDPLITE)), _is_one_of(proto, (ICMP, ICMP6))
    port: Number = 0
    if icmp is not False:
        port = bits.select(icmp, joined([(packet["icmp_type"], 8), (packet["icmp_code"], 8)]), port)
    if ported is not False:
        port = bits.select(ported, packet["sport" if source else "dport"], port)
    port = bits.select(_is_later_fragment(packet), 0, port)
    return joined([(proto, 8), (port, 16)]), all_of((_is_readable(family, packet), _is_there(packet)))


def _is_later_fragment(packet: Packet) -> Bool:
    return negate(bits.equal_masked(packet["fragment"], 0, -1))


def _is_readable(family: int, packet: Packet) -> Bool:
    """A fragment that is not the first has no ports. In IPv4 that is no matter for protocols that have none anyway."""
    proto, later = packet["proto"], _is_later_fragment(packet)
    if family == 6:
        return negate(later)
    with_header = _is_one_of(proto, (TCP, SCTP, UDP, UDPLITE, ICMP))
    return all_of((negate(bits.equal_masked(proto, 0, -1)), negate(bits.both(later, with_header))))


def _is_there(packet: Packet) -> Bool:
    """Whether the packet is long enough; later fragments are not read that far."""
    length, proto = packet["transport_length"], packet["proto"]
    if isinstance(length, int) and length >= max(_HEADERS.values()):
        return True
    short = any_of(
        bits.without(bits.equal_masked(proto, number, -1), bits.at_least(length, octets))
        for number, octets in _HEADERS.items()
    )
    return bits.either(negate(short), _is_later_fragment(packet))


def joined(parts: Sequence[tuple[Number, int]]) -> Number:
    """Numbers side by side, the first on top, each with its width."""
    if all(isinstance(n, int) for n, _ in parts):
        total = 0
        for n, width in parts:
            assert isinstance(n, int)
            total = total << width | n
        return total
    return tuple(bits.bit(n, i) for n, width in reversed(parts) for i in range(width))


def _low(number: Number, width: int) -> Number:
    return number & (1 << width) - 1 if isinstance(number, int) else bits.number(number[:width])
