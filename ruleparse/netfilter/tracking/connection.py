"""A connection as conntrack keeps it (struct nf_conn)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.netfilter.fields import ICMP, ICMP6, SCTP, TCP, UDP, UDPLITE
from ruleparse.packet import Packet

PORTED = (TCP, UDP, SCTP, UDPLITE)


class Tuple(NamedTuple):
    """One direction of a connection. ICMP has its identifier for `sport`, type and code for `dport`; what has neither
    ports nor an identifier has 0 for both.
    """

    family: int
    proto: int
    src: Number
    dst: Number
    sport: Number
    dport: Number

    def but(self, end: str, number: Number) -> Tuple:
        return self._replace(sport=number) if end == "sport" else self._replace(dport=number)

    def within(self, region: Bool) -> Tuple:
        """With those numbers known that have only one value in a region."""
        values = (bits.constant(part, region) for part in self[2:])
        return Tuple(
            *self[:2], *(part if value is None else value for part, value in zip(self[2:], values, strict=True))
        )

    @property
    def is_known(self) -> bool:
        return all(isinstance(part, int) for part in self)

    def equals(self, other: Tuple) -> Bool:
        if self[:2] != other[:2]:
            return False
        return bits.all_of(bits.equal(a, b) for a, b in zip(self[2:], other[2:], strict=True))


@dataclass(frozen=True, slots=True)
class Connection:
    """Both directions, what NAT has made of them, and what was seen. `zones` and counters are by direction."""

    original: Tuple
    reply: Tuple
    zones: tuple[Number, Number] = (0, 0)
    status: int = 0
    mark: Number = 0
    progress: Any = None
    """how far its protocol has come"""
    packets: tuple[int, int] = (0, 0)
    octets: tuple[int | None, int | None] = (0, 0)
    """None where some length was not known"""
    region: Bool = True
    """which numbers NAT may have picked"""
    exists: Bool = True
    """how what happened before must have gone for it to be there"""
    label: int = 0
    """what a switch has written on it"""
    number: int = field(default=0, compare=False)

    def bound(self, direction: int, seen: Tuple) -> Connection:
        """This connection, one of its directions having been seen."""
        return replace(self, original=seen) if direction == 0 else replace(self, reply=seen)

    def within(self, region: Bool) -> Connection:
        """This connection, only numbers of a region being left."""
        return replace(self, original=self.original.within(region), reply=self.reply.within(region), region=region)

    def is_like(self, other: Connection) -> bool:
        """Whether the two differ in nothing but when they are there."""
        return replace(self, exists=True) == replace(other, exists=True)

    def if_(self, when: Bool) -> Connection:
        """This connection, if a condition holds, too."""
        return self if when is True else replace(self, exists=bits.both(self.exists, when))

    @property
    def directions(self) -> tuple[Tuple, Tuple]:
        return self.original, self.reply


def tuple_of(packet: Packet, family: int) -> Tuple:
    """The tuple of a packet as it is now."""
    proto = packet["proto"]
    assert isinstance(proto, int)
    if proto in PORTED:
        ports = packet["sport"], packet["dport"]
    elif proto in (ICMP, ICMP6):
        ports = packet["icmp_id"], bits.mix(bits.shift(packet["icmp_type"], 8, 16), packet["icmp_code"])
    else:
        ports = 0, 0
    return Tuple(family, proto, packet["src"], packet["dst"], *ports)


def tuples_that_conntrack_made(packet: Packet, family: int) -> tuple[Tuple, Tuple]:
    """Original and reply direction of the new connection that a packet carries."""
    proto = packet["ct_proto"]
    assert isinstance(proto, int)
    ends = (packet["ct_src"], packet["ct_dst"], packet["ct_sport"], packet["ct_dport"])
    back = (packet[f"ct_reply_{end}"] for end in ("src", "dst", "sport", "dport"))
    if proto not in (*PORTED, ICMP, ICMP6):
        return Tuple(family, proto, *ends[:2], 0, 0), Tuple(family, proto, next(back), next(back), 0, 0)
    return Tuple(family, proto, *ends), Tuple(family, proto, *back)
