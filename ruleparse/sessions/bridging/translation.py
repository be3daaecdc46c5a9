"""NAT of a new connection: what its answers will look like (nf_nat_core.c, get_unique_tuple)."""

from __future__ import annotations

from dataclasses import dataclass

from ruleparse.bits import Number
from ruleparse.netfilter.fields import DST_NAT, ICMP, ICMP6, SRC_NAT
from ruleparse.netfilter.tracking.connection import PORTED, Connection, Tuple
from ruleparse.netfilter.tracking.icmp_errors import ANSWERS, ANSWERS6
from ruleparse.netfilter.tracking.tracker import Tracker
from ruleparse.openflow.network_address import Nat, Range
from ruleparse.packet import Assumption


@dataclass(frozen=True, slots=True)
class Translated:
    """The tuple of the answers, what was translated (bits of ct_status), and what was taken for granted."""

    reply: Tuple
    status: int = 0
    questions: tuple[Assumption, ...] = ()


def inverse(one: Tuple) -> Tuple:
    """What answers to a tuple look like."""
    if one.proto not in (ICMP, ICMP6):
        return one._replace(src=one.dst, dst=one.src, sport=one.dport, dport=one.sport)
    assert isinstance(one.dport, int)
    answers = ANSWERS if one.proto == ICMP else ANSWERS6
    kind = answers.get(one.dport >> 8, one.dport >> 8)
    return one._replace(src=one.dst, dst=one.src, dport=kind << 8 | one.dport & 0xFF)


def back(connection: Connection, direction: int) -> Tuple:
    """What a packet of a connection looks like once it is translated."""
    return inverse(connection.directions[1 - direction])


def translate(original: Tuple, nat: Nat, tracker: Tracker, zone: int) -> Translated:
    """By the range that a `ct(commit,nat(…))` names."""
    wanted = nat.wanted
    if wanted is None or (wanted.family != original.family):
        return _unlike_others(Translated(inverse(original)), wanted, tracker, zone)
    looks = original._replace(**{nat.side: wanted.first})
    port = "sport" if nat.side == "src" else "dport"
    if wanted.first_port and original.proto in PORTED:
        looks = looks._replace(**{port: wanted.first_port})
    questions = (_first_of(nat),) if wanted.leaves_a_choice else ()
    status = (SRC_NAT if nat.side == "src" else DST_NAT) if looks != original else 0
    return _unlike_others(Translated(inverse(looks), status, questions), wanted, tracker, zone)


def _first_of(nat: Nat) -> Assumption:
    words = f"of {nat} the first address and port are taken, as ofproto/trace does"
    return Assumption(words, "ovs-appctl dpctl/dump-conntrack", presumed=True)


_PORTS = ((0, 511), (512, 1023), (1024, 65535))


def _unlike_others(found: Translated, wanted: Range | None, tracker: Tracker, zone: int) -> Translated:
    """With another source port where answers would belong to another connection."""
    if found.reply.proto not in PORTED or not _taken(found.reply, tracker, zone):
        return found
    now = found.reply.dport
    assert isinstance(now, int)
    low, high = next(kind for kind in _PORTS if kind[0] <= now <= kind[1])
    if wanted is not None and wanted.last_port > wanted.first_port:
        low, high = wanted.first_port, wanted.last_port
    ports = (*range(now + 1, high + 1), *range(max(low, 1), now))
    free = next((port for port in ports if not _taken(found.reply._replace(dport=port), tracker, zone)), now)
    words = f"the source port becomes {free}, {now} being taken by another connection"
    question = Assumption(words, "ovs-appctl dpctl/dump-conntrack", presumed=True)
    status = found.status | SRC_NAT
    return Translated(found.reply._replace(dport=free), status, (*found.questions, question))


def _taken(reply: Tuple, tracker: Tracker, zone: Number) -> bool:
    return next(tracker.find(reply, (zone, zone)), None) is not None
