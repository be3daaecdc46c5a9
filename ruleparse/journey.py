"""Walks a packet through all of a node: its bridges and its own rules, however often it goes from one to the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ruleparse.attached import Attached, Port
from ruleparse.bits import Number
from ruleparse.cni.antrea_host import AntreaHost
from ruleparse.codec import show_address, show_mac
from ruleparse.fates.deliveries import Delivery, Sent, deliveries
from ruleparse.fates.outcomes import Outcome as Found
from ruleparse.fates.outcomes import explore
from ruleparse.openflow.crossing import into_bridge, into_host, needed
from ruleparse.openflow.fields import flow
from ruleparse.openflow.program import BridgeProgram
from ruleparse.openflow.recirculation import MOST, NEXT, PASS, ct_next
from ruleparse.openflow.trace_flow import read_ct_state
from ruleparse.packet import Assumption
from ruleparse.snapshot import Overlay, Snapshot
from ruleparse.spec import Asked, SpecError
from ruleparse.text import Diagnostic
from ruleparse.why import Answer, Answering, Assumed, Outcome, Place, Step, asked_family, question_of, why
from ruleparse.why_bridge import (
    BridgeAnswer,
    BridgeOutcome,
    Egress,
    FlowStep,
    bridge_of,
    egress_of,
    outcome_of,
    packet_of,
    why_bridge,
)
from ruleparse.wired import Wired, wired

MOST_CROSSINGS = 8
"""A packet that goes to and fro more often is followed no further."""
_MOST_FATES = 200
_KEPT = ("tcp_flags", "length")
"""Fields that no rule of the host's changes."""
_ROOM = 1 << 22


@dataclass(frozen=True, slots=True)
class WholeOutcome:
    """One fate. `ends` are where copies of the packet left the node: a port of a bridge, an interface, `local`."""

    verdict: str
    ends: tuple[Egress, ...]
    reject_with: str | None
    packet: Mapping[str, Any]
    when: Sequence[Mapping[str, str]] | None
    when_cut: bool
    assumptions: tuple[Assumed, ...]
    probability: float
    decided_by: Place | FlowStep | None
    reason: str | None
    steps: tuple[Step | FlowStep, ...]
    explanation: tuple[str, ...]
    overlay: Overlay | None = None
    reply: tuple[WholeOutcome, ...] | None = None
    """what becomes of the answer to the packet; None if that was not asked, or nothing answers"""

    @property
    def egress(self) -> str | tuple[Egress, ...] | None:
        """The interface it left by, or the ports of bridges."""
        if len(self.ends) == 1 and self.ends[0].port is None:
            return self.ends[0].name
        return self.ends or None


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """All fates of one packet on a node of bridges and rules."""

    id: Any
    asked: Mapping[str, Any]
    outcomes: Sequence[WholeOutcome]
    diagnostics: Sequence[Diagnostic]
    complete: bool = True
    packet: Mapping[str, Any] = field(default_factory=dict)


def why_node(snapshot: Snapshot, spec: Mapping[str, Any]) -> Answer | BridgeAnswer | WholeAnswer:
    """Answer for one packet, wherever it enters: that of `why` or `why_bridge` where it stays on one side. Raises
    SpecError, MemoryError, RecursionError."""
    bridged = in_a_bridge(spec)
    if not is_whole(snapshot):
        return why_bridge(snapshot, spec) if bridged else why(snapshot, spec)
    journey = Journey(snapshot, spec, Forgetful())
    fates = [fate for fate, _ in journey.fates(None)]
    if not journey.crossed:
        return why_bridge(snapshot, spec) if bridged else why(snapshot, spec)
    return journey.answer(fates)


def is_whole(snapshot: Snapshot) -> bool:
    """Whether a node has both bridges and rules."""
    return snapshot.bridges is not None and bool(snapshot.bridges.flows and snapshot.families)


def in_a_bridge(spec: Mapping[str, Any]) -> bool:
    """Whether a packet is described in the words of bridges."""
    return bool({"bridge", "flow"} & spec.keys())


class Standing(Protocol):
    """How things stand on the node when the packet comes to a place, and afterwards. A state is whatever it keeps."""

    def question(self, snapshot: Snapshot, spec: Mapping[str, Any]) -> tuple[Asked, Wired]:
        """The packet that is described. Raises SpecError."""

    def on_host(self, answering: Answering, state: Any) -> tuple[list[tuple[Found, Any]], bool]:
        """Every fate on the host and the state behind it, and whether these are all."""

    def in_bridge(
        self, program: BridgeProgram, values: Mapping[str, Number], state: Any
    ) -> tuple[list[tuple[Delivery, Any]], bool]:
        """The same of a bridge."""


class Forgetful:
    """Every packet starts a connection."""

    def question(self, snapshot: Snapshot, spec: Mapping[str, Any]) -> tuple[Asked, Wired]:
        given = wired(spec, snapshot)
        return question_of(snapshot, spec, asked_family(snapshot, spec, given), given, _ROOM), given

    def on_host(self, answering: Answering, state: Any) -> tuple[list[tuple[Found, Any]], bool]:
        asked = answering.question
        found = explore(answering.program, answering.entry, asked.packet, asked.reach, some_will_do=True)
        return [(one, state) for one in found.outcomes], found.complete

    def in_bridge(
        self, program: BridgeProgram, values: Mapping[str, Number], state: Any
    ) -> tuple[list[tuple[Delivery, Any]], bool]:
        found = deliveries(program, "start", values, PASS, flow("failed"))
        return [(one, state) for one in found.found], found.complete


Fate = tuple[WholeOutcome, Any]
"""An outcome, and the state behind it."""


class Journey:
    """One packet on its way."""

    def __init__(self, snapshot: Snapshot, spec: Mapping[str, Any], standing: Standing) -> None:
        self.snapshot = snapshot
        self.spec = spec
        self.standing = standing
        self.attached = Attached(snapshot)
        self.crossed = False
        self.complete = True
        self.problems: list[Diagnostic] = []

    def answer(self, fates: Iterable[WholeOutcome]) -> WholeAnswer:
        told = [*self.snapshot.all_diagnostics(), *self.problems]
        return WholeAnswer(self.spec.get("id"), self.spec, together(fates), told, self.complete)

    def fates(self, state: Any) -> list[Fate]:
        """What becomes of the packet. Raises SpecError."""
        if in_a_bridge(self.spec):
            program = bridge_of(self.snapshot, self.spec)
            return self.through(program, packet_of(program, self.spec), 0, state)
        port = self.attached.outside(_text(self.spec.get("in")))
        if port is None:
            return self.on_host(self.spec, 0, state)
        self.crossed = True
        program, values, assumed = self.entering(port)
        return [(_assuming(fate, assumed), after) for fate, after in self.through(program, values, 0, state)]

    # On the host

    def on_host(self, spec: Mapping[str, Any], crossings: int, state: Any) -> list[Fate]:
        """The fates of a packet from where it comes in at the host, or is sent."""
        question, given = self.standing.question(self.snapshot, spec)
        answering = Answering(self.snapshot, spec, question, given)
        found, complete = self.standing.on_host(answering, state)
        self.complete &= complete
        fates = [fate for one, after in found for fate in self._behind(one, after, answering, crossings)]
        return fates[:_MOST_FATES]

    def _behind(self, found: Found, state: Any, answering: Answering, crossings: int) -> list[Fate]:
        """A fate on the host, and what follows in a bridge."""
        outcome = answering.outcome(found)
        here, port = _of_host(outcome), self.attached.internal(outcome.egress)
        if outcome.verdict != "accept" or port is None:
            return [(here, state)]
        self.crossed = True
        if self._goes_too_far(crossings, port):
            return [(here, state)]
        family, asked = answering.question.family, answering.question.packet.values
        kept = {name: asked.get(name) for name in _KEPT}
        packet = {**found.packet, **{name: n if isinstance(n, int) else None for name, n in kept.items()}}
        macs, unknown = self._macs(port, family, packet)
        if (missing := needed(packet)) or macs is None:
            open_ = ", ".join(missing) or "the Ethernet address of " + " and ".join(_LACKING[one] for one in unknown)
            words = f"bridge {port.bridge.name} passes it on, which depends on {open_}"
            return [(_assuming(here, [Assumed(words, True, "" if missing else "; ".join(unknown), None)]), state)]
        values = into_bridge(packet, family, port.number, macs) | self._states()
        on = _assuming(replace(here, ends=()), [_assumed(one) for one in port.rests_on])
        return [(_after(on, fate), after) for fate, after in self.through(port.bridge, values, crossings + 1, state)]

    def _macs(
        self, port: Port, family: int, packet: Mapping[str, int | None]
    ) -> tuple[tuple[int, int] | None, list[str]]:
        """Source and destination address of what the host sends into a bridge, or what would tell them."""
        hop = packet.get("route_gateway") or packet.get("dst")
        own = self.snapshot.routing.mac_of(port.name)
        next_ = None if hop is None else self.snapshot.routing.neighbours.mac_of(port.name, family, hop)
        unknown = [*(["ip link"] if own is None else []), *(["ip neigh"] if next_ is None else [])]
        return (None if own is None or next_ is None else (own, next_)), unknown

    def _states(self) -> dict[str, Number]:
        """What conntrack of a bridge finds, where somebody said so of the packet."""
        word = _STATES.get(str(self.spec.get("ctstate", "")).upper())
        states = ct_next([] if word is None else [read_ct_state(word)] * MOST)
        return {NEXT: states, flow("ct_said"): 0 if word is None else MOST}

    # In a bridge

    def through(self, program: BridgeProgram, values: Mapping[str, Number], crossings: int, state: Any) -> list[Fate]:
        """The fates of a packet from where it enters a bridge."""
        found, complete = self.standing.in_bridge(program, values, state)
        self.complete &= complete
        fates = [fate for one, after in found for fate in self._from_bridge(program, one, after, crossings)]
        return fates[:_MOST_FATES]

    def _from_bridge(self, program: BridgeProgram, delivery: Delivery, state: Any, crossings: int) -> list[Fate]:
        """A fate in a bridge, and what becomes of the copies that the host gets."""
        copies = [(sent, self._into(program, sent)) for sent in delivery.sent if sent.to != "controller"]
        ends = tuple(egress_of(program, sent) for sent, port in copies if port is None)
        fates: list[Fate] = [(replace(_of_bridge(outcome_of(program, delivery)), ends=ends), state)]
        for sent, port in copies:
            if port is None:
                continue
            self.crossed = True
            spec = into_host(sent.packet.values)
            if spec is None or self._goes_too_far(crossings, port):
                fates = [(replace(f, ends=(*f.ends, egress_of(program, sent))), after) for f, after in fates]
                continue
            spec |= {"in": port.name, **{k: self.spec[k] for k in ("ctstate", "at", "length") if k in self.spec}}
            fates = [on for before in fates for on in self._onward(before, spec, port, crossings)][:_MOST_FATES]
        return fates

    def _onward(self, before: Fate, spec: Mapping[str, Any], port: Port, crossings: int) -> Iterator[Fate]:
        """What becomes on the host of a packet that a bridge has handed over."""
        rests_on = [_assumed(one) for one in port.rests_on]
        for fate, after in self.on_host(spec, crossings + 1, before[1]):
            yield _after(before[0], _assuming(fate, rests_on)), after

    def _into(self, program: BridgeProgram, sent: Sent) -> Port | None:
        """The interface of the host that gets a copy."""
        number = sent.packet[flow("out_port")]
        name = program.port_list.name(number) if sent.to == "port" and isinstance(number, int) else None
        return self.attached.internal(name)

    def _goes_too_far(self, crossings: int, port: Port) -> bool:
        if crossings < MOST_CROSSINGS:
            return False
        message = f"the packet crosses {port.name} more than {MOST_CROSSINGS} times: it is followed no further"
        self.problems.append(Diagnostic("endless-crossing", "warning", message))
        self.complete = False
        return True

    # From a port

    def entering(self, port: Port) -> tuple[BridgeProgram, dict[str, Number], list[Assumed]]:
        """The packet that was described in the words of the host, as it comes in by a port of a bridge. Raises
        SpecError if the description leaves open what a bridge has to know."""
        question, _ = self.standing.question(self.snapshot, self.spec)
        family, values = question.family, question.packet.values
        packet = {name: value if isinstance(value, int) else None for name, value in values.items()}
        packet = {"ttl": 64, **packet}
        assumed = list(self._chosen_port(packet))
        if missing := needed(packet):
            raise SpecError(
                f"{port.name} is a port of bridge {port.bridge.name}: say {', '.join(missing)}, one value each"
            )
        macs, taken = self._macs_outside(port, family, packet)
        values = into_bridge(packet, family, port.number, macs) | self._states()
        return port.bridge, values, [*assumed, *taken]

    def _chosen_port(self, packet: dict[str, int | None]) -> Iterator[Assumed]:
        """A source port, where nobody said which."""
        if "--sport" in needed(packet) and self.spec.get("sport") is None:
            packet["sport"] = _SOME_PORT
            yield Assumed(f"its source port is {_SOME_PORT} (--sport)", True, "", None)

    def _macs_outside(
        self, port: Port, family: int, packet: Mapping[str, int | None]
    ) -> tuple[tuple[int, int], list[Assumed]]:
        """The Ethernet addresses of a packet as whoever is behind a port sends it."""
        near = _Near(self.attached, self.snapshot, port, family)
        own = packet.get("src_mac") if self.spec.get("src_mac") else near.mac_of(packet["src"])
        target, taken = packet.get("dst_mac") if self.spec.get("dst_mac") else None, list[Assumed]()
        if target is None:
            target, words = near.target(packet["dst"])
            taken = [Assumed(f"{words} (--dst-mac)", True, "", None)] if target is not None else []
        missing = [name for name, mac in (("--src-mac", own), ("--dst-mac", target)) if mac is None]
        if own is None or target is None:
            told = f"`ip neigh` and `ip link` do not tell its Ethernet addresses: say {' and '.join(missing)}"
            raise SpecError(f"{port.name} is a port of bridge {port.bridge.name}, and {told}")
        return (own, target), taken


_SOME_PORT = 40000
_STATES = {"NEW": "trk,new", "ESTABLISHED": "trk,est", "RELATED": "trk,rel", "INVALID": "trk,inv"}
_LACKING = {"ip link": "the interface", "ip neigh": "the next hop"}


class _Near:
    """What is known of the network behind a port."""

    def __init__(self, attached: Attached, snapshot: Snapshot, port: Port, family: int) -> None:
        self.snapshot = snapshot
        self.family = family
        self.gateways = [p for p in attached.ports.values() if p.internal and p.bridge is port.bridge]

    def mac_of(self, address: int | None) -> int | None:
        """Who has an address, as the host's interfaces in the bridge know it."""
        neighbours = self.snapshot.routing.neighbours
        found = (neighbours.mac_of(p.name, self.family, address) for p in self.gateways if address is not None)
        return next((mac for mac in found if mac is not None), None)

    def target(self, address: int | None) -> tuple[int | None, str]:
        """Where one sends a packet to an address: to its owner on the same network, else to the gateway."""
        for port in self.gateways:
            link = self.snapshot.routing.interfaces.named(port.name)
            own = [a for a in (link.addresses if link else ()) if a.family == self.family]
            if link is None or not own or address is None:
                continue
            here = any(_same_network(address, a.value, a.length, self.family) for a in own)
            mac = self.mac_of(address) if here and all(address != a.value for a in own) else link.mac
            if mac is not None:
                to = show_address(address, self.family) if here else f"its gateway {port.name}"
                return mac, f"its sender addresses it to {show_mac(mac)}, {to}"
        return None, ""


def _same_network(a: int, b: int, length: int, family: int) -> bool:
    shift = (32 if family == 4 else 128) - length
    return a >> shift == b >> shift


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _assumed(one: Assumption) -> Assumed:
    return Assumed(one.question, True, one.settle, one.rule)


def _assuming(fate: WholeOutcome, more: Iterable[Assumed]) -> WholeOutcome:
    return replace(fate, assumptions=tuple(dict.fromkeys((*more, *fate.assumptions))))


def _of_host(o: Outcome) -> WholeOutcome:
    """Without the advice to walk the bridge, too."""
    ends = (Egress(None, o.egress, o.packet),) if o.verdict == "accept" else ()
    explanation = tuple(sentence for sentence in o.explanation if sentence != AntreaHost.elsewhere)
    return WholeOutcome(
        o.verdict, ends, o.reject_with, o.packet, o.when, o.when_cut, tuple(o.assumptions), o.probability, o.decided_by,
        o.reason, tuple(o.steps), explanation, o.overlay,
    )  # fmt: skip


def _of_bridge(o: BridgeOutcome) -> WholeOutcome:
    return WholeOutcome(
        o.verdict, tuple(o.egress), None, o.packet, None, False, tuple(o.assumptions), o.probability, o.decided_by,
        o.reason, tuple(o.steps), tuple(o.explanation),
    )  # fmt: skip


def _after(before: WholeOutcome, after: WholeOutcome) -> WholeOutcome:
    """One fate, and what came of it further on. Of a packet that has several copies it is well if one gets through."""
    ends = (*before.ends, *after.ends)
    return replace(
        after,
        verdict="accept" if ends else after.verdict,
        ends=ends,
        when=after.when if before.when is None else before.when,
        when_cut=before.when_cut or after.when_cut,
        assumptions=tuple(dict.fromkeys((*before.assumptions, *after.assumptions))),
        probability=before.probability * after.probability,
        decided_by=after.decided_by or before.decided_by,
        steps=(*before.steps, *after.steps),
        explanation=tuple(dict.fromkeys((*before.explanation, *after.explanation))),
    )


def together(fates: Iterable[WholeOutcome]) -> list[WholeOutcome]:
    """Fates that look the same told once."""
    kept: list[WholeOutcome] = []
    for fate in fates:
        for index, other in enumerate(kept):
            if replace(other, probability=0.0) == replace(fate, probability=0.0):
                kept[index] = replace(other, probability=other.probability + fate.probability)
                break
        else:
            kept.append(fate)
    return kept
