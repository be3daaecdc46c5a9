"""What each transport protocol makes of a packet of a connection, or of one that may start one."""

from __future__ import annotations

from ruleparse.netfilter.fields import ASSURED, SCTP, SEEN_REPLY, TCP
from ruleparse.netfilter.tracking import sctp, tcp
from ruleparse.netfilter.tracking.connection import Connection
from ruleparse.netfilter.tracking.judged import Judged
from ruleparse.netfilter.tracking.segment import ACK, FIN, SYN, Segment, segment
from ruleparse.netfilter.tracking.tcp import Tcp
from ruleparse.netfilter.tracking.tcp_settings import Settings
from ruleparse.packet import Packet

_FITTING_WINDOW = 0xFFFF


def begin(packet: Packet) -> Judged:
    """A packet that belongs to no connection known so far."""
    if packet["proto"] == TCP:
        return tcp.begin(_segment(packet))
    if packet["proto"] == SCTP and packet.raw is not None:
        return sctp.begin(packet.raw)
    return Judged("valid", None)


def opens(packet: Packet) -> bool:
    """Whether SCTP takes a packet for the first of an association, as far as its bytes are known."""
    return packet.raw is None or sctp.begin(packet.raw).judgement == "valid"


def follow(connection: Connection, direction: int, packet: Packet, settings: Settings) -> Judged:
    """One more packet of a connection."""
    progress, status = connection.progress, connection.status
    if isinstance(progress, Tcp):
        at = _segment(packet, progress, direction)
        seen_reply, assured = bool(status & SEEN_REPLY), bool(status & ASSURED)
        return tcp.follow(progress, direction, at, settings, seen_reply=seen_reply, assured=assured)
    if isinstance(progress, sctp.Sctp) and packet.raw is not None:
        return sctp.follow(progress, direction, packet.raw)
    return Judged("valid", progress)


def acknowledges(connection: Connection, direction: int, packet: Packet) -> bool:
    """Whether a packet proves to belong to a connection, by a number that only its ends know."""
    progress = connection.progress
    if not isinstance(progress, Tcp) or packet.raw is None:
        return False
    said = segment(packet.raw)
    return bool(said.flags & ACK) and said.ack == progress.sides[1 - direction].end != 0


def _segment(packet: Packet, so_far: Tcp | None = None, direction: int = 0) -> Segment:
    """The segment in a packet; where no bytes were given, one with these flags that fits what was seen so far."""
    if packet.raw is not None:
        return segment(packet.raw)
    flags = packet["tcp_flags"]
    assert isinstance(flags, int)
    seq, ack = (so_far.sides[direction].end, so_far.sides[1 - direction].end) if so_far else (0, 0)
    length = bool(flags & SYN) + bool(flags & FIN)
    return Segment(flags, seq, seq + length, ack if flags & ACK else 0, _FITTING_WINDOW)
