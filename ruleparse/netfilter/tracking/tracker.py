"""All connections that the packets walked so far have left, and what each further packet makes of them.

Sources: net/netfilter/nf_conntrack_core.c, nf_conntrack_proto_{udp,icmp,generic}.c. No time passes between packets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.netfilter.fields import ASSURED, CONFIRMED, DST_NAT, GRE, INVALID, SEEN_REPLY, SRC_NAT
from ruleparse.netfilter.tracking import protocols
from ruleparse.netfilter.tracking.connection import Connection, Tuple, tuple_of, tuples_that_conntrack_made
from ruleparse.netfilter.tracking.judged import ORIGINAL, REPLY, Judged
from ruleparse.netfilter.tracking.tcp_settings import Settings
from ruleparse.packet import Packet
from ruleparse.program import Test

_KEPT = DST_NAT | SRC_NAT
"""What a new connection's status says of NAT."""


@dataclass(frozen=True, slots=True)
class Found:
    """A connection that a packet belongs to if it is there, in which direction, and under which condition.

    `picked` is set where NAT has picked a number of the connection that nobody was told, and this packet fits.
    """

    connection: Connection
    direction: int
    when: Bool
    picked: bool = False


@dataclass
class Tracker:
    """Connections by number, and by the tuples of their directions."""

    settings: Settings
    connections: dict[int, Connection] = field(default_factory=dict)
    _by_tuple: dict[Tuple, list[tuple[int, int]]] = field(default_factory=dict, compare=False)
    _by_source: dict[Tuple, list[int]] = field(default_factory=dict, compare=False)
    _vague: list[int] = field(default_factory=list, compare=False)
    _unsure: list[int] = field(default_factory=list, compare=False)
    _next: int = field(default=1, compare=False)

    def copy(self) -> Tracker:
        by_tuple = {key: list(value) for key, value in self._by_tuple.items()}
        by_source = {key: list(value) for key, value in self._by_source.items()}
        return Tracker(
            self.settings, dict(self.connections), by_tuple, by_source, [*self._vague], [*self._unsure], self._next
        )

    # Looking up

    def find(self, wanted: Tuple, zones: tuple[Number, Number]) -> Iterator[Found]:
        """Connections one of whose directions is this tuple, or may be."""
        for number, direction in self._candidates(wanted):
            connection = self.connections[number]
            same = connection.directions[direction].equals(wanted)
            when = bits.both(same, bits.equal(connection.zones[direction], zones[direction]))
            if bits.both(when, connection.region) is False:
                continue
            if when is not True and wanted.is_known:
                yield Found(connection.bound(direction, wanted), direction, True, picked=True)
            else:
                yield Found(connection, direction, when)

    def _candidates(self, wanted: Tuple) -> Iterator[tuple[int, int]]:
        """The latest first; what talks to itself is met as its own answer."""
        if not wanted.is_known:
            yield from ((number, direction) for number in self.connections for direction in (ORIGINAL, REPLY))
            return
        yield from reversed(self._by_tuple.get(wanted, []))
        yield from ((n, d) for n in self._vague for d in (ORIGINAL, REPLY) if not self._tuple(n, d).is_known)

    def of_source(self, wanted: Tuple, zone: Number) -> Iterator[Connection]:
        """Connections from the same address and port, wherever they go; the latest first (find_appropriate_src)."""
        for number in reversed(self._by_source.get(_source(wanted), [])):
            if self.connections[number].zones[ORIGINAL] == zone:
                yield self.connections[number]

    def _tuple(self, number: int, direction: int) -> Tuple:
        return self.connections[number].directions[direction]

    def judge(self, found: Found, packet: Packet) -> list[tuple[tuple[Test, ...], Judged]]:
        """What the protocol makes of one more packet of a connection, by the settings on which that depends."""
        return self.settings.cases(lambda s: protocols.follow(found.connection, found.direction, packet, s))

    # Learning

    @property
    def upcoming(self) -> int:
        """The number of the next connection."""
        return self._next

    def add(self, connection: Connection) -> None:
        self._put(self._next, connection)

    def _put(self, number: int, connection: Connection) -> None:
        self._next = max(self._next, number + 1)
        self.connections[number] = replace(connection, number=number)
        self._by_source.setdefault(_source(connection.original), []).append(number)
        for direction, one in enumerate(connection.directions):
            if one.is_known:
                self._by_tuple.setdefault(one, []).append((number, direction))
        if not all(one.is_known for one in connection.directions):
            self._vague.append(number)
        if connection.exists is not True:
            self._unsure.append(number)

    def bind(self, number: int, direction: int, seen: Tuple) -> None:
        """A packet has told the numbers that NAT had picked, maybe for several connections of one source."""
        bound = self.connections[number].bound(direction, seen)
        if bound == self.connections[number]:
            return
        told = self.connections[number].directions[direction].equals(seen)
        self._settle(number, bound)
        for other in tuple(self._vague):
            vague = self.connections[other]
            if (region := bits.both(vague.region, told)) is not False:
                self._settle(other, vague.within(region))

    def _settle(self, number: int, known: Connection) -> None:
        before, self.connections[number] = self.connections[number], known
        for direction, (old, new) in enumerate(zip(before.directions, known.directions, strict=True)):
            if new.is_known and not old.is_known:
                self._by_tuple.setdefault(new, []).append((number, direction))
        if all(one.is_known for one in known.directions):
            self._vague.remove(number)

    def remove(self, number: int) -> None:
        connection = self.connections.pop(number)
        self._by_source[_source(connection.original)].remove(number)
        for direction, one in enumerate(connection.directions):
            if one.is_known:
                self._by_tuple[one].remove((number, direction))
        for some in (self._vague, self._unsure):
            if number in some:
                some.remove(number)

    # Where things may stand one way or another

    def joined(self, other: Tracker, when: Bool) -> Tracker:
        """These connections where a condition holds, those of another tracker elsewhere."""
        whole = Tracker(self.settings, _next=max(self._next, other._next))
        for number in sorted({*self.connections, *other.connections}):
            mine, theirs = self.connections.get(number), other.connections.get(number)
            if mine is not None and theirs is not None and mine.is_like(theirs):
                whole._put(number, replace(mine, exists=bits.pick(when, mine.exists, theirs.exists)))
                continue
            if mine is not None:
                whole._put_once(number, mine.if_(when))
            if theirs is not None:
                whole._put_once(number if mine is None else whole._next, theirs.if_(bits.negate(when)))
        return whole

    def _put_once(self, number: int, connection: Connection) -> None:
        """Two that are alike, but never there at once, are one."""
        for other, direction in self._by_tuple.get(connection.original, ()):
            known = self.connections[other]
            if direction == ORIGINAL and known.is_like(connection):
                either = bits.either(known.exists, connection.exists)
                self.connections[other] = replace(known, exists=either)
                if either is True and other in self._unsure:
                    self._unsure.remove(other)
                return
        if connection.exists is not False:
            self._put(number, connection)

    @property
    def open(self) -> int:
        """How much at most has to be known of what happened before to tell which connections a packet may meet."""
        alike = Counter[Tuple | None]()
        for number in self._unsure:
            connection = self.connections[number]
            alike[None if number in self._vague else connection.original] += bits.size(connection.exists)
        return max(alike.values(), default=0)

    def settle(self, region: Bool) -> None:
        """Within a region, connections are there or they are not."""
        for number in tuple(self._unsure):
            connection = self.connections[number]
            if bits.both(region, connection.exists) is False:
                self.remove(number)
            elif bits.without(region, connection.exists) is False:
                self.connections[number] = replace(connection, exists=True)
                self._unsure.remove(number)

    def conclude(self, start: Packet, end: Packet, region: Bool, family: int, settings: Settings) -> None:
        """What is remembered of a packet, given as it came in and as it was in the end.

        `region` says which numbers NAT may have picked for it, `settings` how it was judged.
        """
        number, replaced = end["ct_entry"], end["ct_replaced"]
        assert isinstance(number, int)
        assert isinstance(replaced, int)
        if replaced in self.connections:
            self.remove(replaced)
        if number in self.connections:
            self._go_on(number, start, end, family, settings)
        elif end["ct_began"] == 1 and bits.any_bit(end["ct_status"], CONFIRMED) is True:
            self._begin(start, end, region, family)

    def _go_on(self, number: int, start: Packet, end: Packet, family: int, settings: Settings) -> None:
        direction = end["ct_dir"]
        assert isinstance(direction, int)
        if number in self._vague and end["ct_error"] == 0 and (seen := tuple_of(start, family)).is_known:
            self.bind(number, direction, seen)
        connection = self.connections[number]
        if end["ct_state"] != INVALID:
            connection = replace(connection, mark=end["ct_mark"])
        if end["ct_error"] == 0:
            judged = protocols.follow(connection, direction, start, settings)
            if judged.judgement == "last":
                self.remove(connection.number)
                return
            connection = replace(connection, progress=judged.progress)
            if judged.judgement == "valid":
                connection = counted(connection, direction, start, judged)
        self.connections[connection.number] = connection

    def _begin(self, start: Packet, end: Packet, region: Bool, family: int) -> None:
        original, reply = tuples_that_conntrack_made(end, family)
        status = end["ct_status"]
        assert isinstance(status, int)
        judged = protocols.begin(start)
        vague = [self.connections[number] for number in self._vague]
        picked_before = (bits.either(bits.negate(one.exists), one.region) for one in vague)
        free = (bits.negate(reply.equals(one)) for one in self._taken(end["ct_zone_reply"]) if not reply.is_known)
        self.add(
            Connection(
                original,
                reply,
                (end["ct_zone"], end["ct_zone_reply"]),
                (status & _KEPT) | CONFIRMED,
                end["ct_mark"],
                judged.progress,
                (1, 0),
                (_known(start["length"]), 0),
                bits.all_of([region, *picked_before, *free]),
            )
        )

    def _taken(self, zone: Number) -> Iterator[Tuple]:
        """Tuples that NAT does not pick again."""
        for taken, places in self._by_tuple.items():
            there = ((self.connections[number], direction) for number, direction in places)
            if any(one.zones[direction] == zone and one.exists is True for one, direction in there):
                yield taken


def _source(original: Tuple) -> Tuple:
    return original._replace(dst=0, dport=0)


def counted(connection: Connection, direction: int, packet: Packet, judged: Judged) -> Connection:
    """A connection with one more packet: counters and status as rules see them."""
    status = connection.status | (SEEN_REPLY if direction == REPLY else 0) | (ASSURED if judged.assured else 0)
    if connection.original.proto == GRE and connection.status & SEEN_REPLY:
        status |= ASSURED
    connection = replace(connection, status=status)
    if not judged.counted:
        return connection
    packets, octets = list(connection.packets), list(connection.octets)
    packets[direction] += 1
    octets[direction] = _sum(octets[direction], _known(packet["length"]))
    return replace(connection, packets=(packets[0], packets[1]), octets=(octets[0], octets[1]))


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _known(n: Number) -> int | None:
    return n if isinstance(n, int) else None
