"""All packets of a bridge by their fate: which ports get them, how they look by then, and which flow decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.evaluate import Hit, walk
from ruleparse.fates.bridge import Sending, last_of, sendings, told_apart
from ruleparse.fates.outcomes import Piece
from ruleparse.fates.whole import RulePattern, pieces
from ruleparse.openflow.fields import flow
from ruleparse.openflow.header_space import key_of, written
from ruleparse.openflow.keys import KEYWORDS
from ruleparse.openflow.program import BridgeProgram
from ruleparse.openflow.whole_bridge import LoopsBackError, whole_programs
from ruleparse.packet import Point, Unknowns
from ruleparse.query.bridge_spec import AskedOfBridge, asked_of_bridge
from ruleparse.query.host import MOST_REWRITES, MOST_ROWS, Answer, Packets, Wanted, given_part, with_room
from ruleparse.sets.readable import Row
from ruleparse.sets.shortest import shortest_rows
from ruleparse.snapshot import Snapshot
from ruleparse.spec import SpecError
from ruleparse.why import Assumed
from ruleparse.why_bridge import BridgeOutcome, Walked, bridge_of, why_bridge

VERDICTS = ("accept", "controller", "drop")
ORDERS = tuple(
    tuple(flow(name) for name in order)
    for order in (
        ("dl_type", "nw_proto", "in_port", "nw_src", "nw_dst", "ipv6_src", "ipv6_dst", "tp_dst"),
        ("dl_type", "nw_dst", "ipv6_dst", "nw_proto", "tp_dst", "nw_src", "ipv6_src", "in_port"),
        ("in_port", "dl_type", "nw_src", "dl_src", "nw_dst", "nw_proto", "tp_dst"),
        ("dl_dst", "dl_type", "nw_dst", "nw_proto", "tp_dst", "in_port"),
    )
)
_LIKELY = (("dl_type", 0x0800), ("nw_proto", 6), ("tp_dst", 80), ("nw_ttl", 64), ("tp_src", 40000), ("vlan_tci", 0))
_TRIES = 24
"""Packets that are walked until one shows a fate that chance decides."""

Decided = tuple[Bool, Sending, Hit]
"""Packets that send the same copies, and the flow that decided last."""


def bridge_query(snapshot: Snapshot, spec: Mapping[str, Any], wanted: Wanted | None = None) -> Answer:
    """All packets of a description by their fate in a bridge. Raises SpecError, MemoryError, RecursionError."""
    return with_room(lambda nodes: _answer(snapshot, spec, wanted or Wanted(), nodes))


def _answer(snapshot: Snapshot, spec: Mapping[str, Any], wanted: Wanted, nodes: int) -> Answer:
    program = bridge_of(snapshot, {"bridge": spec.get("bridge")})
    question = asked_of_bridge([program], spec, nodes)
    asking = AskingBridge(snapshot, program, spec, question)
    sets = list(asking.sets(wanted))
    return Answer(0, spec, sets, asking.unknowns.count(question.real), snapshot.all_diagnostics())


class AskingBridge:
    """One walk of all packets that were asked about, and how to put its sets into words."""

    def __init__(
        self, snapshot: Snapshot, program: BridgeProgram, spec: Mapping[str, Any], question: AskedOfBridge
    ) -> None:
        self.snapshot = snapshot
        self.question = question
        self.spec = spec
        for whole in whole_programs(program):
            try:
                self.found = walk(whole, "start", question.packet, None, question.reach)
            except LoopsBackError:
                continue
            self.words = Walked(whole)
            return

    @property
    def unknowns(self) -> Unknowns:
        return self.question.packet.unknowns

    def sendings(self) -> list[Sending]:
        return sendings(self.found, self.question.reach)

    def last(self) -> list[tuple[Bool, Hit]]:
        """All packets by the flow that they find last."""
        return last_of(self.found, self.question.reach, self.words.is_step)

    def sets(self, wanted: Wanted) -> Iterator[Packets]:
        """Every set that is wanted, the largest of each verdict first. Raises SpecError."""
        if wanted.verdict is not None and wanted.verdict not in VERDICTS:
            raise SpecError(f"--verdict {wanted.verdict}: there are {', '.join(VERDICTS)} in a bridge")
        within = self.reaching(wanted.reaches) if wanted.reaches is not None else True
        last = self.last()
        grouped: dict[tuple[object, ...], list[Decided]] = {}
        for sending in self.sendings():
            if self.fits(sending, wanted):
                for where, hit in told_apart(last, bits.both(sending.where, within)):
                    if wanted.decided_by is None or self.pattern(wanted.decided_by).fits(hit.table, hit.rule):
                        key = sending.ways_out, self.key(hit)
                        grouped.setdefault(key, []).append((where, sending, hit))
        told = [one for decided in grouped.values() for one in self.of_fate(decided)]
        return iter(sorted(told, key=lambda p: (VERDICTS.index(p.verdict), -p.count)))

    def key(self, hit: Hit) -> object:
        """What tells flows that decide apart."""
        return hit.table.label, self.words.flow_of(hit)

    # Which are wanted

    def pattern(self, place: str) -> RulePattern:
        pattern = RulePattern.of(place)
        if not any(pattern.fits_chain(self.words.program.name, name) for name in self.words.tables()):
            raise SpecError(f"there is no table {place}; flows are named as TABLE[:PRIORITY], * stands for anything")
        return pattern

    def reaching(self, place: str) -> Bool:
        pattern = self.pattern(place)
        return bits.any_of(hit.when for hit in self.found.hits if pattern.fits(hit.table, hit.rule))

    def fits(self, sending: Sending, wanted: Wanted) -> bool:
        if wanted.verdict is not None and sending.verdict != wanted.verdict:
            return False
        names = {word for to, port in sending.ways_out for word in self.names_of(to, port)}
        return wanted.egress is None or wanted.egress in names

    def names_of(self, to: str, port: int | None) -> set[str]:
        return {to} if port is None else {str(port), self.words.program.port_list.name(port) or str(port)}

    # In words

    def of_fate(self, decided: Sequence[Decided]) -> Iterator[Packets]:
        region = bits.any_of(where for where, _, _ in decided)
        for piece in pieces(region, self.unknowns):
            if bits.both(piece.region, self.question.real) is not False:
                yield self.packets(decided, piece)

    def packets(self, decided: Sequence[Decided], piece: Piece, shown: Point | None = None) -> Packets:
        """A set in words; `shown` is one of its packets, if it matters which."""
        _, sending, hit = decided[0]
        held = given_part(piece, self.unknowns)
        within = bits.both(bits.any_of(where for where, _, _ in decided), held)
        point, outcome = self.example(sending, within, shown)
        when = self.rows(piece.region)
        rewrites = list(self.rewrites(decided, held))
        return Packets(
            verdict=sending.verdict,
            egress=", ".join(self.port(to, port) for to, port in sending.ways_out) or None,
            reject_with=None,
            reason=outcome.reason if outcome else None,
            decided_by=self.words.step(hit),
            explanation=outcome.explanation if outcome else (),
            when=None if when is None else when[0],
            when_cut=when is not None and when[1],
            assumptions=[*(_assumed(a.question, a.answer) for a in piece.given), *_presumed(outcome, piece)],
            probability=piece.odds,
            count=self.unknowns.count(bits.both(piece.region, self.question.real)),
            rewrites=rewrites[:MOST_REWRITES],
            rewrites_cut=len(rewrites) > MOST_REWRITES,
            witness=self.witness(point),
        )

    def port(self, to: str, port: int | None) -> str:
        if port is None:
            return f"the {to}" if to == "controller" else to
        name = self.words.program.port_list.name(port)
        return f"port {port}" + (f" ({name})" if name and name != str(port) else "")

    def rows(self, region: Bool) -> tuple[Sequence[Row], bool] | None:
        if region is True or bits.both(self.question.real, bits.negate(region)) is False:
            return None
        shown = shortest_rows(region, self.unknowns, 4, lambda: self.question.ports, MOST_ROWS, ORDERS)
        return None if shown is None or shown.rows == [{}] else ([tidy(row) for row in shown.rows], shown.more)

    def rewrites(self, decided: Iterable[Decided], held: Bool) -> Iterator[dict[str, str | int]]:
        """What the copies that are sent have other than the packet had; nothing of a field that varies."""
        told: dict[tuple[object, ...], dict[str, str | int]] = {}
        for where, sending, _ in decided:
            part = bits.both(where, held)
            for copy in sending.copies if part is not False else ():
                shown: dict[str, str | int] = dict(self.changed(copy.end.packet.values, part))
                if shown:
                    told.setdefault(tuple(shown.items()), shown)
        yield from told.values()

    def changed(self, values: Mapping[str, bits.Number], part: Bool) -> Iterator[tuple[str, str]]:
        known = {name: n for name, n in values.items() if isinstance(n, int)}
        for name in SENT:
            old, new = self.question.packet[flow(name)], values.get(flow(name), 0)
            if new is old or (value := bits.constant(new, part)) is None or bits.constant(old, part) == value:
                continue
            key = key_of(flow(name), known)
            yield key.shown, key.format.show(value, (1 << key.width) - 1, key.width)

    # An example

    def example(self, sending: Sending, within: Bool, shown: Point | None) -> tuple[Point, BridgeOutcome | None]:
        """A packet of some, and its outcome as a walk of that packet alone tells it."""
        region = bits.both(within, self.question.real)
        first = point = shown or self.likely(region)
        for _ in range(_TRIES if shown is None else 1):
            if (outcome := self.outcome(point, sending)) is not None:
                return point, outcome
            region = bits.without(region, self.unknowns.at(point))
            if region is False:
                break
            point = self.likely(region)
        return first, None

    def outcome(self, point: Point, sending: Sending) -> BridgeOutcome | None:
        outcomes = why_bridge(self.snapshot, self.witness(point)).outcomes
        ports = sorted(port for _, port in sending.ways_out if port is not None)
        for o in outcomes:
            if o.verdict == sending.verdict and sorted(e.port for e in o.egress if e.port is not None) == ports:
                return o
        return None

    def likely(self, region: Bool) -> Point:
        """Some packet of a region, one that people meet if there is one."""
        for name, value in _LIKELY:
            if flow(name) in self.unknowns.fields:
                narrowed = bits.both(region, bits.equal_masked(self.question.packet[flow(name)], value, -1))
                region = region if narrowed is False else narrowed
        return self.unknowns.witness(region)

    def witness(self, point: Point) -> dict[str, Any]:
        """A packet as `why` takes it."""
        known = {n: v for n, v in self.question.packet.values.items() if isinstance(v, int) and n not in _NOT_TOLD}
        states = {key: self.spec[key] for key in ("bridge", "ct_next") if self.spec.get(key)}
        return {"bridge": self.words.program.name, **states, "flow": written({**known, **point.fields})}


_NOT_TOLD = frozenset({flow("ct_next"), flow("ct_said")})
SENT = (
    *("dl_src", "dl_dst", "dl_type", "vlan_tci", "nw_src", "nw_dst", "ipv6_src", "ipv6_dst", "ipv6_label"),
    *("nw_proto", "nw_tos", "nw_ttl", "tp_src", "tp_dst", "arp_sha", "arp_tha", "nd_target", "mpls"),
    *("tun_id", "tun_src", "tun_dst", "tun_ipv6_src", "tun_ipv6_dst", "pkt_mark"),
)
"""What whoever gets a copy can see of it."""


def tidy(row: Row) -> Row:
    """A row in the words of a match: `tcp` for its Ethernet type and protocol, fields as such packets call them."""
    kind, proto = row.get("dl_type", ""), row.get("nw_proto", "")
    base = _KINDS.get(kind)
    if base is None:
        return row
    left = {name: text for name, text in row.items() if name != "dl_type"}
    if base != "arp" and f"{proto}{base}" in KEYWORDS:
        del left["nw_proto"]
    word = f"{proto}{base}" if "nw_proto" in row and "nw_proto" not in left else _PLAIN[base]
    return {"proto": word, **{_calls(name, base, proto): text for name, text in left.items()}}


_KINDS = {"0x800": "", "0x86dd": "6", "0x806": "arp"}
_PLAIN = {"": "ip", "6": "ipv6", "arp": "arp"}
_ARP = {"nw_src": "arp_spa", "nw_dst": "arp_tpa", "nw_proto": "arp_op"}


def _calls(name: str, base: str, proto: str) -> str:
    """What packets of a protocol call a field."""
    if base == "arp":
        return _ARP.get(name, name)
    if name in ("tp_src", "tp_dst"):
        if proto in ("tcp", "udp", "sctp"):
            return f"{proto}{name[2:]}"
        if proto in ("icmp", "icmpv6"):
            return "icmp_type" if name == "tp_src" else "icmp_code"
    return name


def _assumed(question: Any, answer: bool) -> Assumed:
    return Assumed(question.question, answer, question.settle, question.rule)


def _presumed(outcome: BridgeOutcome | None, piece: Piece) -> list[Assumed]:
    """What the example rests on besides."""
    known = {a.question.question for a in piece.given}
    return [a for a in (outcome.assumptions if outcome else ()) if a.answer and a.question not in known]
