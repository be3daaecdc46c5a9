"""The tracker's knowledge as tables that a packet walks: the connection it belongs to, and tuples that are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.codec import Codec
from ruleparse.netfilter.fields import ESTABLISHED, ICMP, ICMP6, INVALID, NEW, RELATED, SEEN_REPLY
from ruleparse.netfilter.tracking import protocols
from ruleparse.netfilter.tracking.connection import Connection, Tuple, tuple_of, tuples_that_conntrack_made
from ruleparse.netfilter.tracking.icmp_errors import inner_tuple, is_error
from ruleparse.netfilter.tracking.judged import ORIGINAL, REPLY, Judged
from ruleparse.netfilter.tracking.tracker import Found, Tracker, counted
from ruleparse.packet import Packet, assumption
from ruleparse.program import Action, Assign, Key, Return, Rule, Set, Table, Test

CONNECTIONS, TAKEN, MAPPED = "connections", "taken tuples", "mapped sources"


def tables_of(tracker: Tracker, family: int) -> Mapping[str, Table]:
    """Program tables that stand for what the tracker knows."""
    return {
        CONNECTIONS: Table(CONNECTIONS, (), narrow=lambda packet: _belongs(tracker, packet, family)),
        TAKEN: Table(TAKEN, (), narrow=lambda packet: _taken(tracker, packet, family)),
        MAPPED: Table(MAPPED, (), narrow=lambda packet: _mapped(tracker, packet, family)),
    }


def _belongs(tracker: Tracker, packet: Packet, family: int) -> Iterator[Rule]:
    zones = packet["ct_zone"], packet["ct_zone_reply"]
    if is_error(packet, family):
        yield from _related(tracker, packet, family, zones)
        return
    wanted = tuple_of(packet, family)
    replaced = 0
    for found in sorted(tracker.find(wanted, zones), key=lambda found: found.picked):
        if found.connection.number != replaced:
            sure = found.picked and protocols.acknowledges(found.connection, found.direction, packet)
            tests = _if(found.connection.exists) if sure else _applies(found, wanted)
            replaced = 0
            for settings, judged in tracker.judge(found, packet):
                yield Rule((*tests, *settings), _taken_up(judged, found, packet))
                replaced = found.connection.number if judged.judgement == "anew" else 0


def _taken_up(judged: Judged, found: Found, packet: Packet) -> tuple[Action, ...]:
    connection, direction = found.connection, found.direction
    if judged.judgement == "anew":
        return (Set("ct_replaced", connection.number),)
    entry = (Set("ct_known", 1), Set("ct_entry", connection.number), Set("ct_dir", direction))
    if judged.judgement == "invalid":
        return (*entry, Set("ct_state", INVALID), Return())
    answered = direction == REPLY or connection.status & SEEN_REPLY
    state = Set("ct_state", ESTABLISHED if answered else NEW)
    return (*entry, state, *_as_seen(counted(connection, direction, packet, judged)), Return())


def _as_seen(connection: Connection) -> tuple[Action, ...]:
    """What rules may ask about a connection."""
    original, reply = connection.directions
    numbers: dict[str, Number] = {
        "ct_status": connection.status,
        "ct_mark": connection.mark,
        "ct_proto": original.proto,
        **{f"ct_{end}": getattr(original, end) for end in ("src", "dst", "sport", "dport")},
        **{f"ct_reply_{end}": getattr(reply, end) for end in ("src", "dst", "sport", "dport")},
        "ct_packets_original": connection.packets[ORIGINAL],
        "ct_packets_reply": connection.packets[REPLY],
        "dst_nat_done": 1,
        "src_nat_done": 1,
    }
    octets = {"ct_octets_original": connection.octets[ORIGINAL], "ct_octets_reply": connection.octets[REPLY]}
    numbers |= {name: number for name, number in octets.items() if number is not None}
    return tuple(Assign(name, number) for name, number in numbers.items())


def _related(tracker: Tracker, packet: Packet, family: int, zones: tuple[Number, Number]) -> Iterator[Rule]:
    """An ICMP error belongs to the connection of the packet that it quotes (nf_conntrack_inet_error)."""
    stranger = Rule((), (Set("ct_known", 1), Set("ct_state", INVALID), Return()))
    wanted = inner_tuple(packet, family)
    if wanted is None:
        yield stranger
        return
    for found in tracker.find(wanted, zones):
        if found.connection.directions[found.direction].dst != packet["dst"]:
            break
        about = (Set("ct_known", 1), Set("ct_error", 1), Set("ct_entry", found.connection.number))
        state = (Set("ct_state", RELATED), Set("ct_dir", found.direction))
        yield Rule(_applies(found, wanted), (*about, *state, *_as_seen(found.connection), Return()))
    yield stranger


def _taken(tracker: Tracker, packet: Packet, family: int) -> Iterator[Rule]:
    """Whether another connection's packets look like the answers to this one's (nf_conntrack_tuple_taken).

    Ports that NAT picked were picked so that they do not; addresses are picked first, whatever is taken.
    """
    if packet["ct_began"] != 1:
        return
    taken = _is_taken(tracker, packet, tuples_that_conntrack_made(packet, family)[REPLY])
    if taken is not False:
        yield Rule(_if(taken), (Set("tuple_taken", 1),))


def _is_taken(tracker: Tracker, packet: Packet, reply: Tuple) -> Bool:
    back = packet["ct_zone_reply"], packet["ct_zone_reply"]
    others = (f for f in tracker.find(reply, back) if f.connection.number != packet["ct_replaced"] and not f.picked)
    only_address_picked = isinstance(reply.sport, int) and isinstance(reply.dport, int)
    taken = (found for found in others if found.when is True or only_address_picked)
    return bits.any_of(bits.both(found.connection.exists, found.when) for found in taken)


def _mapped(tracker: Tracker, packet: Packet, family: int) -> Iterator[Rule]:
    """A source that was given this address before keeps the number that it was given, too (find_appropriate_src)."""
    original, reply = tuples_that_conntrack_made(packet, family)
    number = "icmp_id" if original.proto in (ICMP, ICMP6) else "sport"
    if packet[number] != original.sport:
        return
    for earlier in tracker.of_source(original, packet["ct_zone"]):
        if earlier.reply.dst == packet["src"]:
            end = "sport" if number == "icmp_id" else "dport"
            given: Number = getattr(earlier.reply, end)
            free = bits.without(earlier.exists, _is_taken(tracker, packet, reply.but(end, given)))
            if free is not False:
                yield Rule(_if(free), (Assign(number, given), Assign(f"ct_reply_{end}", given), Return()))
            yield Rule(_if(earlier.exists), (Return(),))
            if earlier.exists is True:
                return


def _applies(found: Found, seen: Tuple) -> tuple[Test, ...]:
    """Where the kernel picked a number, an answer to that cannot be told from a packet that happens to have it."""
    if not found.picked:
        return _if(bits.both(found.when, found.connection.exists))
    question = assumption("this packet belongs to the connection for which the kernel picked a number", "conntrack -L")
    about = hash((found.connection.number, seen))
    asks = Key(("?",), Codec("question", str), lambda _value, _packet, world: world.ask(question, about))
    return (*_if(found.connection.exists), Test(asks, None))


def _if(when: Bool) -> tuple[Test, ...]:
    if when is True:
        return ()
    return (Test(Key(("connection",), Codec("", str), lambda _value, _packet, _world: when), None),)
