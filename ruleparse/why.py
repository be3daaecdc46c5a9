"""Walks one packet through a node and says its fates, each with the rule that decided and the path that led there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ruleparse import bits
from ruleparse.cni.names import Names
from ruleparse.codec import interface_name, plain_address, show_address, show_protocol
from ruleparse.effects import effect_of
from ruleparse.evaluate import Hit
from ruleparse.fates.outcomes import Answered, Explored, explore
from ruleparse.fates.outcomes import Outcome as Found
from ruleparse.packet import FIELDS, Unknowns
from ruleparse.program import Rule, Table
from ruleparse.sets.readable import rows
from ruleparse.snapshot import Overlay, Snapshot
from ruleparse.spec import Asked, SpecError, asked, family_of, interfaces_of
from ruleparse.text import Diagnostic, Span
from ruleparse.wired import Wired, for_this_node, wired


@dataclass(frozen=True, slots=True)
class Place:
    """A rule in its dump; a policy is rule 0 of its chain."""

    file: str
    line: int
    table: str
    chain: str
    rule: int
    text: str
    span: Span = field(repr=False)
    flavour: str = ""
    """`legacy` or `nft` where rules of both are in force"""

    @property
    def where(self) -> str:
        """`filter INPUT`, `legacy filter INPUT`"""
        return f"{self.flavour} {self.table} {self.chain}".strip()


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that the packet matched, and what that did."""

    hook: str
    place: Place
    effect: str
    says: str | None


@dataclass(frozen=True, slots=True)
class Assumed:
    """A question the dumps leave open, the answer under which an outcome holds, and the command that settles it."""

    question: str
    answer: bool
    settle: str
    rule: Span | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fate of the packet. `when` is None if it is always so (given the assumptions)."""

    verdict: str
    egress: str | None
    reject_with: str | None
    packet: Mapping[str, Any]
    when: Sequence[Mapping[str, str]] | None
    when_cut: bool
    assumptions: Sequence[Assumed]
    probability: float
    decided_by: Place | None
    reason: str | None
    steps: Sequence[Step]
    explanation: Sequence[str]
    overlay: Overlay | None = None
    """the tunnel it left by"""
    reply: Sequence[Outcome] | None = None
    """what becomes of the answer to the packet; None if that was not asked, or nothing answers"""
    kept: frozenset[str] = frozenset()
    """ends that left as they came, whatever they are"""


@dataclass(frozen=True, slots=True)
class Answer:
    """All fates of one packet. `complete` is False if there were too many to tell apart."""

    id: Any
    family: int
    asked: Mapping[str, Any]
    outcomes: Sequence[Outcome]
    diagnostics: Sequence[Diagnostic]
    complete: bool = True
    packet: Mapping[str, Any] = field(default_factory=dict)
    """as it was asked about, as far as it is known"""
    names: Mapping[str, str] = field(default_factory=dict)
    """what `kubectl` calls its addresses"""


def why(snapshot: Snapshot, spec: Mapping[str, Any]) -> Answer:
    """Answer for one packet, `spec` being its options. Raises SpecError, MemoryError, RecursionError."""
    given = wired(spec, snapshot)
    family = asked_family(snapshot, spec, given)
    *smaller, largest = _ROOMS
    for nodes in smaller:
        with suppress(MemoryError):
            return _answer(snapshot, spec, family, given, nodes)
    return _answer(snapshot, spec, family, given, largest, some_will_do=True)


_ROOMS = (1 << 20, 1 << 22)
"""How many nodes the decision diagrams of one answer may have; the larger where the smaller will not do."""


def _answer(
    snapshot: Snapshot, spec: Mapping[str, Any], family: int, given: Wired, nodes: int, some_will_do: bool = False
) -> Answer:
    question = question_of(snapshot, spec, family, given, nodes)
    answering = Answering(snapshot, spec, question, given)
    found = explore(answering.program, answering.entry, question.packet, question.reach, some_will_do=some_will_do)
    return answering.answer(found)


def question_of(
    snapshot: Snapshot, spec: Mapping[str, Any], family: int, given: Wired, nodes: int, earlier: Unknowns | None = None
) -> Asked:
    def interfaces() -> list[int]:
        return [a.value for a in snapshot.interfaces(interfaces_of(spec))]

    question = asked(spec, family, given.fields, given.raw, interfaces, nodes, earlier)
    return for_this_node(question, [snapshot]) if type(question.packet.values.get("in")) is int else question


def asked_family(snapshot: Snapshot, spec: Mapping[str, Any], given: Wired) -> int:
    family = given.family or family_of(spec) or _only_family(snapshot)
    if family not in snapshot.families:
        tool = "ip6tables-save" if family == 6 else "iptables-save"
        raise SpecError(f"this is an IPv{family} packet and there is no `{tool}` among the dumps")
    return family


def _only_family(snapshot: Snapshot) -> int:
    if len(snapshot.families) == 1:
        return snapshot.families[0]
    if not snapshot.families:
        raise SpecError("no netfilter rules were saved")
    raise SpecError("the dumps hold IPv4 and IPv6 rules: say which packet is meant with --family, --src or --dst")


class Answering:
    """Puts the outcomes of one packet into words."""

    def __init__(self, snapshot: Snapshot, spec: Mapping[str, Any], question: Asked, given: Wired) -> None:
        self.snapshot = snapshot
        self.spec = spec
        self.question = question
        self.program = snapshot.program(question.family, bytes_given=given.awkward)
        self.entry = "send" if question.local else "arrive"
        self.names = Names.of(self.program)

    def answer(self, found: Explored, back: Callable[[Found], Sequence[Outcome] | None] | None = None) -> Answer:
        """`back` says what becomes of the answers to packets of one outcome."""
        outcomes = self.outcomes(found.outcomes, back)
        start = self.packet({k: v for k, v in self.question.packet.values.items() if isinstance(v, int)})
        diagnostics = self.snapshot.all_diagnostics()
        return Answer(
            self.spec.get("id"), self.question.family, self.spec, outcomes, diagnostics, found.complete, start,
            self.called([start, *(o.packet for o in outcomes)]),
        )  # fmt: skip

    def called(self, packets: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        """What `kubectl` calls the addresses of some packets."""
        cluster = self.names.cluster
        if cluster is None:
            return {}
        ends = dict.fromkeys(packet[end] for packet in packets for end in ("src", "dst") if packet.get(end))
        return {address: name for address in ends if (name := cluster.named(address)) is not None}

    def outcomes(
        self, found: Iterable[Found], back: Callable[[Found], Sequence[Outcome] | None] | None = None
    ) -> list[Outcome]:
        told = ((replace(self.outcome(o), reply=back(o)) if back is not None else self.outcome(o)) for o in found)
        return sorted(told, key=_farthest_first)

    def outcome(self, found: Found) -> Outcome:
        stop = found.end.stop
        decider = self.decider(found)
        shown = (
            None
            if found.region is self.question.reach
            else rows(found.region, self.question.packet.unknowns, self.question.family, self.interfaces)
        )
        if shown is not None and (self.covers_all(found.region) or shown.rows == [{}]):
            shown = None
        return Outcome(
            verdict=stop.verdict,
            egress=self.egress(found),
            reject_with=stop.detail if stop.verdict == "reject" else None,
            packet=self.packet(found.packet),
            when=None if shown is None else shown.rows,
            when_cut=shown.more if shown else False,
            assumptions=[self.assumed(a) for a in found.assumptions],
            probability=found.probability,
            decided_by=decider and self.place(*decider),
            reason=stop.reason,
            steps=list(self.steps(found.hits)),
            explanation=self.explanation(found, decider),
            overlay=self.overlay(found),
            kept=frozenset(
                end for end in _ENDS if found.end.packet.values.get(end) is self.question.packet.values.get(end)
            ),
        )

    def explanation(self, found: Found, decider: tuple[Table, Rule] | None) -> list[str]:
        if decider is None:
            return []
        unsure = {name for name in (*_ENDS, "proto") if found.packet.get(name) is None}
        if not isinstance(self.question.packet.values.get("in"), int):
            unsure.add("in")
        return self.names.decision(*decider, self.question.packet, found.hits, unsure)

    def assumed(self, given: Answered) -> Assumed:
        """A question in words, the address in its place where it is known."""
        words, about = given.question.question, given.about
        if _ADDRESS in words and about is not None:
            words = words.replace(_ADDRESS, self.address(about))
        return Assumed(words, given.answer, given.question.settle, given.question.rule)

    def address(self, number: bits.Number) -> str:
        if isinstance(number, int):
            return show_address(number, self.question.family)
        return "the source" if number == self.question.packet["src"] else "the destination"

    def interfaces(self) -> list[str]:
        return [a.text for a in self.snapshot.interfaces(interfaces_of(self.spec))]

    def covers_all(self, region: bits.Bool) -> bool:
        return bits.without(self.question.reach, region) is False

    def decider(self, found: Found) -> tuple[Table, Rule] | None:
        """The rule that dropped the packet, or the last accept of the filter table."""
        end = found.end
        if end.stop.verdict != "accept":
            numbered = (
                end.table is not None
                and end.rule is not None
                and end.rule.number is not None
                and end.rule.span is not None
            )
            return (end.table, end.rule) if numbered and end.table and end.rule else None
        return self.program.rule(found.packet.get("decided") or 0)

    def egress(self, found: Found) -> str | None:
        if found.end.stop.verdict != "accept":
            return None
        if found.end.stop.detail == "local":
            return "local"
        out = found.packet.get("route_out")
        return interface_name(out) if out else None

    def overlay(self, found: Found) -> Overlay | None:
        out = self.egress(found)
        if out is None or out == "local":
            return None
        return self.snapshot.overlay(out, self.question.family, found.packet.get("route_gateway"))

    def place(self, table: Table, rule: Rule) -> Place | None:
        if rule.span is None or rule.number is None:
            return None
        span = rule.span
        flavour = table.name.removesuffix(f"{table.group} {table.label}").strip()
        return Place(span.source.name, span.line, table.group, table.label, rule.number, span.text, span, flavour)

    def steps(self, hits: Sequence[Hit]) -> Iterator[Step]:
        for hit in hits:
            if hit.table.group and (place := self.place(hit.table, hit.rule)) is not None:
                hook = hit.packet["hook"]
                name = FIELDS["hook"].values[hook] if isinstance(hook, int) else ""
                yield Step(name, place, effect_of(hit.rule), self.names.rule(hit.table, hit.rule))

    def packet(self, values: Mapping[str, int | None]) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name in ("src", "dst"):
            shown[name] = _or_none(values.get(name), lambda v: plain_address(v, self.question.family))
        proto = values.get("proto")
        shown["proto"] = _or_none(proto, show_protocol)
        for name in ("sport", "dport") if proto not in (1, 58) else ("icmp_type", "icmp_code"):
            shown[name] = values.get(name)
        for name in ("ttl", "tos", "mark", "ct_mark", "priority"):
            shown[name] = values.get(name)
        return shown


_ENDS = ("src", "dst", "sport", "dport")

_ADDRESS = "the address"
"""How a question calls the address that it is about."""


def _farthest_first(outcome: Outcome) -> tuple[bool, int]:
    """What people mean comes first: a packet that the kernel lets in, on the longest way."""
    return outcome.reason is not None, -len(outcome.steps)


def _or_none(value: int | None, show: Any) -> Any:
    return None if value is None else show(value)
