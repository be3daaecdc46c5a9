"""Which packets changed fate in a bridge: who gets them, and what they look like by then.

Tables may be renumbered, flows reordered, cookies and counters differ: only copies that are sent count. Both sides are
walked with the same unknowns, as two nodes are (host.py).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.changes.host import Change, Difference, Shared
from ruleparse.evaluate import End
from ruleparse.fates.bridge import Copy, Sending, told_apart
from ruleparse.fates.chance import Alike
from ruleparse.fates.outcomes import Piece
from ruleparse.fates.whole import pieces
from ruleparse.openflow.fields import flow
from ruleparse.openflow.program import BridgeProgram
from ruleparse.packet import Assumption, Unknowns
from ruleparse.program import Stop, Way
from ruleparse.query.bridge import SENT, AskingBridge, Decided
from ruleparse.query.bridge_spec import Presuming, asked_of_bridge
from ruleparse.query.host import given_part, with_room
from ruleparse.snapshot import Snapshot
from ruleparse.spec import SpecError
from ruleparse.text import Span
from ruleparse.why_bridge import bridge_of

_NAMES = {
    "nw_src": "src",
    "ipv6_src": "src",
    "nw_dst": "dst",
    "ipv6_dst": "dst",
    "tp_src": "sport",
    "tp_dst": "dport",
    "nw_ttl": "ttl",
    "nw_tos": "tos",
    "pkt_mark": "mark",
    "dl_src": "src_mac",
    "dl_dst": "dst_mac",
    "vlan_tci": "vlan",
}
COMPARED: Mapping[str, tuple[str, ...]] = {
    name: tuple(flow(field) for field in SENT if _NAMES.get(field, field) == name)
    for name in dict.fromkeys(_NAMES.get(field, field) for field in SENT)
}
"""What makes the difference between two copies, by the names that `--ignore` takes."""
_KINDS = [(a, b) for a in ("accept", "controller", "drop") for b in ("drop", "controller", "accept")]
Pair = tuple[Bool, Sending, Sending]


def bridge_difference(
    before: Snapshot, after: Snapshot, spec: Mapping[str, Any], ignore: Collection[str] = ()
) -> Difference:
    """What changed for the packets of a description. Raises SpecError, MemoryError, RecursionError."""
    if unknown := sorted(set(ignore) - COMPARED.keys()):
        raise SpecError(f"--ignore {unknown[0]}: there are {', '.join(COMPARED)}")
    compared = {name: fields for name, fields in COMPARED.items() if name not in ignore}
    found = with_room(partial(_changes, before, after, spec, compared))
    return Difference(spec, found, [], [*before.all_diagnostics(), *after.all_diagnostics()])


def _changes(
    before: Snapshot, after: Snapshot, spec: Mapping[str, Any], compared: Mapping[str, Sequence[str]], nodes: int
) -> list[Change]:
    return list(_Comparison(before, after, spec, compared, nodes).changes())


class _Shared(Shared, Presuming):
    """Flows and groups are told from others by what they match and do, not by their numbers, cookies and counters."""

    def wording(self, question: Assumption) -> str:
        return re.sub(r"\bgroup \d+", "group", super().wording(question))

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._ways: dict[str, dict[object, int]] = {}

    def begin_a_side(self) -> None:
        """The ways to a rule are numbered on each side, as tables may have other numbers on the other."""
        self._ways = {}

    def ask(self, question: Assumption, about: Number | None = None) -> Bool:
        if isinstance(about, Way):
            ways = self._ways.setdefault(self.wording(question), {})
            about = Way(ways.setdefault(about, len(ways)))
        return super().ask(question, about)

    def words_of(self, span: Span) -> str:
        return _NUMBERS.sub("", span.text.strip())


_NUMBERS = re.compile(
    r"\b(cookie|duration|table|n_packets|n_bytes|idle_age|hard_age|group_id)=[^ ,)]+,? ?"
    r"|(?<=goto_table:)\w+|(?<=group:)\d+|(?<=resubmit\(,)\w+"
)
"""What of a flow or group is only how it is counted or called."""


class _Comparison:
    """Two walks of the same packets."""

    def __init__(
        self,
        before: Snapshot,
        after: Snapshot,
        spec: Mapping[str, Any],
        compared: Mapping[str, Sequence[str]],
        nodes: int,
    ) -> None:
        programs = [bridge_of(snapshot, {"bridge": spec.get("bridge")}) for snapshot in (before, after)]
        self.question = asked_of_bridge(programs, spec, nodes, _Shared)
        self.unknowns: Unknowns = self.question.packet.unknowns
        self.sides = [self.side(*each, spec) for each in zip((before, after), programs, strict=True)]
        self.compared = compared
        self.unequal: dict[str, Bool] = {field: False for fields in compared.values() for field in fields}
        """where each field of a copy ends up unequal"""

    def side(self, snapshot: Snapshot, program: BridgeProgram, spec: Mapping[str, Any]) -> AskingBridge:
        assert isinstance(self.unknowns, _Shared)
        self.unknowns.begin_a_side()
        return AskingBridge(snapshot, program, spec, self.question)

    def changes(self) -> Iterator[Change]:
        sendings = [side.sendings() for side in self.sides]
        pairs = list(self.pairs(*sendings))
        changed = self.changed(bits.any_of(where for where, _, _ in pairs), sendings)
        last = [side.last() for side in self.sides]
        groups: dict[tuple[object, ...], list[tuple[Decided, Decided]]] = {}
        for where, one, other in pairs:
            for here, mine in told_apart(last[0], bits.both(where, changed)):
                for there, its in told_apart(last[1], here):
                    key = (one.ways_out, other.ways_out, self.sides[0].key(mine), self.sides[1].key(its))
                    groups.setdefault(key, []).append(((there, one, mine), (there, other, its)))
        found = [change for decided in groups.values() for change in self.described(decided)]
        return iter(sorted(found, key=lambda c: (_KINDS.index((c.before.verdict, c.after.verdict)), -c.before.count)))

    # Where the two differ

    def pairs(self, before: Sequence[Sending], after: Sequence[Sending]) -> Iterator[Pair]:
        """Packets that send certain copies before, and others after."""
        by_ways: dict[object, list[Sending]] = {}
        for other in after:
            by_ways.setdefault(other.ways_out, []).append(other)
        for one in before:
            rest = one.where
            alike = by_ways.get(one.ways_out, [])
            for other in (*alike, *(o for o in after if o not in alike)):
                if rest is False:
                    break
                if (both := bits.both(rest, other.where)) is not False:
                    rest = bits.without(rest, both)
                    if (differing := self.differing(one, other, both)) is not False:
                        yield differing, one, other

    def differing(self, one: Sending, other: Sending, where: Bool) -> Bool:
        if one.ways_out != other.ways_out:
            return where
        differ: Bool = False
        for way in dict.fromkeys(one.ways_out):
            mine, its = ([c for c in sending.copies if (c.to, c.port) == way] for sending in (one, other))
            differ = bits.either(differ, self.unlike(mine, its, where))
        return differ

    def unlike(self, mine: Sequence[Copy], its: Sequence[Copy], where: Bool) -> Bool:
        """Where copies that went the same way are not the same, in whatever order."""
        if len(mine) == 1:
            return self.unequal_copies(mine[0], its[0], where)
        return bits.any_of(
            bits.without(where, _as_many(*([self.alike(a, b, where) for b in copies] for copies in (mine, its))))
            for a in mine
        )

    def alike(self, one: Copy, other: Copy, where: Bool) -> Bool:
        return bits.without(where, self.unequal_copies(one, other, where))

    def unequal_copies(self, one: Copy, other: Copy, where: Bool) -> Bool:
        found: Bool = False
        for field in self.unequal:
            unequal = self.unequal_in(field, one, other, where)
            self.unequal[field] = bits.either(self.unequal[field], unequal)
            found = bits.either(found, unequal)
        return found

    def unequal_in(self, field: str, one: Copy, other: Copy, where: Bool) -> Bool:
        a, b = one.end.packet[field], other.end.packet[field]
        if a is b:
            return False
        return bits.any_of(bits.both(where, bit) for bit in bits.differing_bits(a, b))

    def changed(self, candidates: Bool, sendings: Iterable[Sequence[Sending]]) -> Bool:
        """Those whose fates differ in what they are or in how likely they are."""
        if not self.unknowns.chances:
            return candidates
        ends = [[end for sending in some for end in _ends(sending)] for some in sendings]
        several = bits.any_of(s.where for some in sendings for s in some if len(s.copies) > 1)
        alike = Alike(self.question.packet, ends, self.unequal).not_alike(bits.without(candidates, several))
        return bits.either(alike, bits.both(candidates, several))

    # In words

    def described(self, decided: Sequence[tuple[Decided, Decided]]) -> Iterator[Change]:
        region = bits.any_of(where for (where, _, _), _ in decided)
        for piece in pieces(region, self.unknowns):
            if bits.both(piece.region, self.question.real) is not False:
                yield self.change(piece, decided)

    def change(self, piece: Piece, decided: Sequence[tuple[Decided, Decided]]) -> Change:
        sides = [list(side) for side in zip(*decided, strict=True)]
        within = bits.both(bits.any_of(where for where, _, _ in sides[0]), given_part(piece, self.unknowns))
        point = self.sides[0].likely(bits.both(within, self.question.real))
        before, after = (side.packets(mine, piece, point) for side, mine in zip(self.sides, sides, strict=True))
        fields = [name for name, own in self.compared.items() if self.differ_in(own, decided)]
        return Change(before, after, False, 0, fields)

    def differ_in(self, fields: Sequence[str], decided: Sequence[tuple[Decided, Decided]]) -> bool:
        return any(
            self.unequal_in(field, a, b, where) is not False
            for (where, one, _), (_, other, _) in decided
            if one.ways_out == other.ways_out
            for a, b in zip(one.copies, other.copies, strict=True)
            for field in fields
        )


def _ends(sending: Sending) -> Iterator[End]:
    """A sending as one end, for comparing how likely it is."""
    packet = sending.copies[0].end.packet if sending.copies else None
    stop = Stop("accept" if sending.copies else "drop", None, repr(sending.ways_out))
    if packet is not None:
        yield End(sending.where, stop, None, None, packet)


def _as_many(some: Sequence[Bool], others: Sequence[Bool]) -> Bool:
    """That as many of some hold as of others."""
    return bits.equal(_how_many(some), _how_many(others))


def _how_many(some: Sequence[Bool]) -> bits.Number:
    total: bits.Number = 0
    for one in some:
        total = bits.select(one, bits.add(total, 1, len(some).bit_length()), total)
    return total
