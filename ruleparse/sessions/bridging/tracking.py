"""What conntrack makes of a packet that `ct` gives it, and what it remembers (net/openvswitch/conntrack.c).

Open vSwitch without a kernel (lib/conntrack.c) does the same with connections as people have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ruleparse.bits import Number
from ruleparse.netfilter.fields import CONFIRMED, DST_NAT, ICMP, ICMP6, SEEN_REPLY, SRC_NAT, TCP
from ruleparse.netfilter.tracking.connection import PORTED, Connection, Tuple, tuple_of
from ruleparse.netfilter.tracking.icmp_errors import REQUESTS, REQUESTS6, is_error
from ruleparse.netfilter.tracking.judged import REPLY
from ruleparse.netfilter.tracking.protocols import begin, follow
from ruleparse.netfilter.tracking.tcp_settings import Settings
from ruleparse.netfilter.tracking.tracker import Found, counted
from ruleparse.openflow.fields import flow
from ruleparse.openflow.questions import settled_for_all
from ruleparse.openflow.recirculation import NEXT, SLOT, Tracking
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Action, Assign, Remember, Return, Rule
from ruleparse.sessions.bridging.memory import BridgeMemory
from ruleparse.sessions.bridging.translation import Translated, back, inverse, translate

NEW, ESTABLISHED, REPLIES, INVALID, TRACKED, SNAT, DNAT = 0x01, 0x02, 0x08, 0x10, 0x20, 0x40, 0x80
"""Bits of ct_state, as Open vSwitch has them."""

_STRANGER = Assumption(
    "the ICMP error is about no connection that the switch knows (a flow says nothing of what it quotes)",
    "--ct-next",
    presumed=True,
)

_LOOSE = Assumption(
    "net.netfilter.nf_conntrack_tcp_loose is 1", "sysctl net.netfilter.nf_conntrack_tcp_loose", presumed=True
)
_SETTINGS = Settings(be_liberal=False, ignore_invalid_rst=False)
"""They are about sequence numbers, of which a flow says nothing: these fit."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What conntrack says of a packet. `connection` is as it will be remembered, None if not at all."""

    state: int
    original: Tuple | None = None
    connection: Connection | None = None
    direction: int = 0
    gone: tuple[int, ...] = ()
    questions: tuple[Assumption, ...] = ()


def track(packet: Packet, ct: Tracking, memory: BridgeMemory) -> Rule:
    """The one rule that a packet meets in conntrack."""
    zone = _known(packet, "ct_zone")
    seen = _look(packet, ct, memory, zone)
    connection = seen.connection
    if connection is not None and ct.commit:
        seen = replace(seen, connection=_marked(connection, ct, packet))
    questions = tuple(settled_for_all(question) for question in seen.questions)
    return Rule(questions, (*_remember(seen, memory), *_told(seen, ct, packet, memory), Return()))


def _look(packet: Packet, ct: Tracking, memory: BridgeMemory, zone: int) -> Seen:
    said = _said(packet, memory.passes)
    if said is not None and not said & NEW:
        return Seen(said)
    as_kernel, family = _of_kernel(packet)
    wanted = tuple_of(as_kernel, family)
    if said is None:
        if is_error(as_kernel, family):
            return Seen(TRACKED | INVALID, questions=(_STRANGER,))
        found = _connection(packet, wanted, memory, zone)
        if found is not None and not (ct.force and found.direction == REPLY):
            seen = _going_on(packet, as_kernel, found)
            if seen is not None:
                return seen
    else:
        found = None
    gone = () if found is None else (found.connection.number,)
    questions = _beginning_needs(as_kernel, memory)
    if questions is None:
        return Seen(TRACKED | INVALID, gone=gone)
    seen = _beginning(as_kernel, wanted, ct, memory, zone, gone)
    return replace(seen, questions=(*questions, *seen.questions))


def _said(packet: Packet, nth: int) -> int | None:
    """What --ct-next says of this recirculation."""
    if nth >= _known(packet, "ct_said"):
        return None
    states = packet[NEXT]
    assert isinstance(states, int)
    return states >> SLOT * nth & (1 << SLOT) - 1


def _connection(packet: Packet, wanted: Tuple, memory: BridgeMemory, zone: int) -> Found | None:
    """The packet's connection: the one it was found to belong to before in this zone, or that of its addresses."""
    tracker, number = memory.tracker, _known(packet, "ct_entry")
    if number in tracker.connections and tracker.connections[number].zones[0] == zone:
        return Found(tracker.connections[number], _known(packet, "ct_back"), True)
    return next(tracker.find(wanted, (zone, zone)), None)


def _going_on(packet: Packet, as_kernel: Packet, found: Found) -> Seen | None:
    """A further packet of a connection; None if it starts another in its place."""
    connection, direction = found.connection, found.direction
    if _known(packet, "ct_entry") == connection.number:
        return Seen(_known(packet, "ct_found"), connection.original, connection, direction)
    plain = _flagged(as_kernel, answers=direction == REPLY and not connection.status & SEEN_REPLY)
    judged = follow(connection, direction, plain, _SETTINGS)
    if judged.judgement == "anew":
        return None
    if judged.judgement == "invalid":
        return Seen(TRACKED | INVALID)
    answered = direction == REPLY or connection.status & SEEN_REPLY
    state = TRACKED | (ESTABLISHED if answered else NEW) | (REPLIES if direction == REPLY else 0)
    further = replace(counted(connection, direction, plain, judged), progress=judged.progress)
    gone = (connection.number,) if judged.judgement == "last" else ()
    return Seen(state, connection.original, further, direction, gone)


def _beginning_needs(packet: Packet, memory: BridgeMemory) -> tuple[Assumption, ...] | None:
    """What has to be true for a packet to begin a connection; None if none does."""
    proto, kind = packet["proto"], packet["icmp_type"]
    if proto in (ICMP, ICMP6):
        return () if kind in (REQUESTS if proto == ICMP else REQUESTS6) else None
    plain = _flagged(packet, opens=True)
    from_the_middle = proto == TCP and plain["tcp_flags"] != _SYN
    if begin(plain).judgement != "valid" or (from_the_middle and memory.loose is False):
        return None
    return (_LOOSE,) if from_the_middle and memory.loose is None else ()


def _beginning(
    packet: Packet, original: Tuple, ct: Tracking, memory: BridgeMemory, zone: int, gone: tuple[int, ...]
) -> Seen:
    if not ct.commit:
        return Seen(TRACKED | NEW, original, gone=gone)
    answers = Translated(inverse(original)) if ct.nat is None else translate(original, ct.nat, memory.tracker, zone)
    connection = Connection(
        original,
        answers.reply,
        (zone, zone),
        CONFIRMED | answers.status,
        0,
        begin(_flagged(packet, opens=True)).progress,
        (1, 0),
        (None, None),
    )
    return Seen(TRACKED | NEW, original, connection, gone=gone, questions=answers.questions)


def _marked(connection: Connection, ct: Tracking, packet: Packet) -> Connection:
    """With the bits of mark and label that `exec` writes."""
    mark, label = connection.mark, connection.label
    assert isinstance(mark, int)
    mark = mark & ~ct.mark | _known(packet, "ct_mark") & ct.mark
    return replace(connection, mark=mark, label=label & ~ct.label | _known(packet, "ct_label") & ct.label)


def _remember(seen: Seen, memory: BridgeMemory) -> Iterator[Action]:
    def change(_packet: Packet, _memory: object) -> None:
        tracker, connection = memory.tracker, seen.connection
        memory.passes += 1
        for number in seen.gone:
            tracker.remove(number)
        if connection is None or connection.number in seen.gone:
            return
        if connection.number:
            tracker.connections[connection.number] = connection
        else:
            tracker.add(connection)

    yield Remember(change)


def _told(seen: Seen, ct: Tracking, packet: Packet, memory: BridgeMemory) -> Iterator[Action]:
    """The fields of a packet that conntrack has seen."""
    connection, direction = seen.connection, seen.direction
    state, rewritten = seen.state, dict[str, Number]()
    if connection is not None and ct.nat is not None and connection.status & (SRC_NAT | DST_NAT):
        rewritten = _rewritten(back(connection, direction), packet)
        state |= _translations(connection, direction)
    fields: dict[str, Number] = {
        "ct_state": state,
        "ct_mark": connection.mark if connection is not None else 0,
        "ct_label": connection.label if connection is not None else 0,
        "ct_entry": 0 if connection is None else connection.number or memory.tracker.upcoming,
        "ct_back": direction,
        "ct_found": state,
        **_ends_of(seen.original),
        **rewritten,
    }
    yield from (Assign(flow(name), value) for name, value in fields.items())


def _translations(connection: Connection, direction: int) -> int:
    """Answers to what had its source translated have their destination translated."""
    source, destination = (SNAT, DNAT) if direction != REPLY else (DNAT, SNAT)
    return (source if connection.status & SRC_NAT else 0) | (destination if connection.status & DST_NAT else 0)


_ENDS = ("nw_src", "nw_dst", "ipv6_src", "ipv6_dst", "tp_src", "tp_dst")


def _ends_of(original: Tuple | None) -> dict[str, Number]:
    """The fields `ct_nw_src` … of a packet: its connection's first direction, untranslated."""
    told: dict[str, Number] = {f"ct_{name}": 0 for name in ("nw_proto", *_ENDS)}
    if original is None:
        return told
    addresses = ("nw_src", "nw_dst") if original.family == 4 else ("ipv6_src", "ipv6_dst")
    first, second = original.sport, original.dport
    if original.proto in (ICMP, ICMP6):
        assert isinstance(second, int)
        first, second = second >> 8, second & 0xFF
    values = (original.proto, original.src, original.dst, first, second)
    names = ("nw_proto", *addresses, "tp_src", "tp_dst")
    return told | {f"ct_{name}": value for name, value in zip(names, values, strict=True)}


def _rewritten(looks: Tuple, packet: Packet) -> dict[str, Number]:
    source, destination = ("nw_src", "nw_dst") if looks.family == 4 else ("ipv6_src", "ipv6_dst")
    fields: dict[str, Number] = {source: looks.src, destination: looks.dst}
    if looks.proto in PORTED:
        fields |= {"tp_src": looks.sport, "tp_dst": looks.dport}
    return {name: value for name, value in fields.items() if value != packet[flow(name)]}


# A packet of a bridge in the words of netfilter


def _known(packet: Packet, name: str) -> int:
    number = packet[flow(name)]
    assert isinstance(number, int), "packets of a switch that remembers are known"
    return number


def _of_kernel(packet: Packet) -> tuple[Packet, int]:
    """The packet in the fields of the kernel, and its family."""
    family = 6 if _known(packet, "dl_type") == 0x86DD else 4
    source, destination = ("nw_src", "nw_dst") if family == 4 else ("ipv6_src", "ipv6_dst")
    names = {"src": source, "dst": destination, "proto": "nw_proto", "tcp_flags": "tcp_flags"}
    names |= {"sport": "tp_src", "dport": "tp_dst", "icmp_type": "tp_src", "icmp_code": "tp_dst"}
    values: dict[str, Number] = {name: _known(packet, of) for name, of in names.items()}
    return Packet(values | {"tcp_flags": _known(packet, "tcp_flags") & 0xFF, "length": 0}, packet.unknowns), family


_SYN, _ACK = 2, 16


def _flagged(packet: Packet, *, opens: bool = False, answers: bool = False) -> Packet:
    """Where a flow says nothing of TCP flags, the packet is one that fits."""
    if packet["proto"] != TCP or packet["tcp_flags"]:
        return packet
    return packet.but({"tcp_flags": _SYN if opens else _SYN | _ACK if answers else _ACK})
