"""Walks one packet through a bridge and says its fates: which ports get it, and by which flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruleparse.bits import Number
from ruleparse.cni.flow_decoder import FlowCase
from ruleparse.cni.flow_names import FlowNames
from ruleparse.cni.saved_flows import SavedFlow
from ruleparse.codec import integer, show_address, show_mac, show_protocol
from ruleparse.evaluate import Hit
from ruleparse.fates.deliveries import Delivery, Reply, Sent, deliveries
from ruleparse.openflow.fields import OCTETS, flow, octets
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.program import BridgeProgram
from ruleparse.openflow.recirculation import NEXT, PASS, ct_next
from ruleparse.openflow.trace_flow import read_ct_state, read_trace_flow
from ruleparse.packet import Packet
from ruleparse.snapshot import Snapshot
from ruleparse.spec import SpecError
from ruleparse.text import Diagnostic
from ruleparse.why import Assumed

BRIDGE_KEYS = frozenset({"id", "bridge", "flow", "ct_next", "length"})
"""Every key that a packet for a bridge may have."""


@dataclass(frozen=True, slots=True)
class FlowStep:
    """A flow that the packet found; without a priority, that a table had none for it."""

    bridge: str
    table: str
    priority: int | None
    match: str
    actions: str
    line: int | None
    file: str | None
    cookie: int | None
    name: str | None = None
    """what the table is called, by the dump or by who wrote its flows"""
    says: str | None = None

    @property
    def number(self) -> int | None:
        """The table's number, where it is known."""
        return int(self.table) if self.table.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Egress:
    """A port that got a copy, and the copy. `port` is None where only the name is known."""

    port: int | None
    name: str | None
    packet: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BridgeOutcome:
    """One fate. `verdict` is accept where a port got the packet, controller where only that one did, else drop."""

    verdict: str
    egress: Sequence[Egress]
    packet: Mapping[str, Any]
    assumptions: Sequence[Assumed]
    probability: float
    decided_by: FlowStep | None
    reason: str | None
    steps: Sequence[FlowStep]
    explanation: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class BridgeAnswer:
    """All fates of one packet in a bridge."""

    id: Any
    asked: Mapping[str, Any]
    outcomes: Sequence[BridgeOutcome]
    diagnostics: Sequence[Diagnostic]
    complete: bool = True
    packet: Mapping[str, Any] = field(default_factory=dict)


def why_bridge(snapshot: Snapshot, spec: Mapping[str, Any]) -> BridgeAnswer:
    """Answer for one packet: `flow` is what ofproto/trace takes, `ct_next` a list of connection states. Raises
    SpecError."""
    program = bridge_of(snapshot, spec)
    values = packet_of(program, spec)
    found = deliveries(program, "start", values, PASS, flow("failed"))
    outcomes = [outcome_of(program, d) for d in found.found]
    diagnostics = snapshot.all_diagnostics()
    start = shown(Packet(values))
    return BridgeAnswer(spec.get("id"), spec, outcomes, diagnostics, found.complete, start)


def bridge_of(snapshot: Snapshot, spec: Mapping[str, Any]) -> BridgeProgram:
    """The bridge that is asked about. Raises SpecError."""
    unknown = sorted(k for k, v in spec.items() if v is not None and k not in BRIDGE_KEYS)
    if unknown:
        raise SpecError(
            f"{unknown[0]!r} is no option of a packet in a bridge; there are bridge, flow, ct_next, length and id"
        )
    program = snapshot.bridge(None if spec.get("bridge") is None else str(spec["bridge"]))
    if program is None:
        raise SpecError("there are no flows among the dumps: save `ovs-ofctl dump-flows BRIDGE` and give its file")
    return program


def packet_of(program: BridgeProgram, spec: Mapping[str, Any]) -> dict[str, Number]:
    """The fields of the packet that is asked about. Raises SpecError."""
    text = spec.get("flow")
    if text is None:
        raise SpecError("say which packet is meant with --flow, as ofproto/trace takes it: in_port=1,tcp,nw_src=…")
    try:
        values: dict[str, Number] = {**read_trace_flow(str(text), program.port_list)}
    except ValueError as error:
        raise SpecError(f"--flow {text}: {error}") from None
    values |= _length(spec.get("length"), values)
    given = spec.get("ct_next") or ()
    states = [given] if isinstance(given, str) else list(given)
    try:
        values[NEXT] = ct_next([read_ct_state(str(s)) for s in states])
        values[flow("ct_said")] = len(states)
    except ValueError as error:
        raise SpecError(f"--ct-next: {error}") from None
    return values


def _length(text: object, values: Mapping[str, Number]) -> dict[str, Number]:
    if text is None:
        return {}
    tci = values.get(flow("vlan_tci"), 0)
    try:
        return {OCTETS: octets(integer(str(text), 1, 0xFFFF), tci if isinstance(tci, int) else 0)}
    except ValueError as error:
        raise SpecError(f"--length: {error}") from None


def outcome_of(program: BridgeProgram, delivery: Delivery) -> BridgeOutcome:
    """One fate in words."""
    walked = Walked(program)
    names, hits = walked.names, [hit for hit in delivery.hits if walked.is_step(hit)]
    steps = [walked.step(hit) for hit in hits]
    egress = [egress_of(program, s) for s in delivery.sent if s.to != "controller"]
    verdict = "accept" if egress else "controller" if delivery.sent else "drop"
    return BridgeOutcome(
        verdict,
        egress,
        shown(delivery.sent[-1].packet if delivery.sent else delivery.packet),
        [assumed(r) for r in delivery.replies],
        delivery.probability,
        steps[-1] if steps else None,
        delivery.reason,
        steps,
        [*(_decision(program, hits, names) if verdict == "drop" else ()), *names.remarks()],
    )


class Walked:
    """What was walked in a bridge, in words."""

    def __init__(self, program: BridgeProgram) -> None:
        self.program = program
        self.names = FlowNames.of(program)

    def is_step(self, hit: Hit) -> bool:
        """Whether somebody wrote the rule into a table, or the table had none."""
        return bool(hit.table.group) and (self.flow_of(hit) is not None or hit.rule is hit.table.default)

    def flow_of(self, hit: Hit) -> Flow | None:
        return self.program.flow_of(hit.rule)

    def tables(self) -> list[str]:
        """What the dump calls the tables."""
        return list(self.program.order)

    def step(self, hit: Hit) -> FlowStep:
        table, found = hit.table, self.flow_of(hit)
        saved = self.program.known.table_name(table.label) if table.label.isdecimal() else table.label
        name = self.names.table(table.label) or saved
        if found is None:
            return FlowStep(table.group, table.label, None, "", "", None, None, None, name)
        place = found.span.line, found.span.source.name, found.cookie
        priority = hit.rule.number
        says = None if priority is None else self.names.flow(SavedFlow(found))
        return FlowStep(table.group, table.label, priority, found.match, found.doing, *place, name, says)


def _decision(program: BridgeProgram, hits: Sequence[Hit], names: FlowNames) -> list[str]:
    """Sentences on the last flow of a packet that nobody got."""
    if not hits or any(hit.rule.number is None and program.flow_of(hit.rule) for hit in hits):
        return []
    flows = [None if found is None else SavedFlow(found) for found in (program.flow_of(hit.rule) for hit in hits)]
    last, path = hits[-1], [flow for flow in flows if flow is not None]
    return names.decision(FlowCase(last.packet, last.table.label, flows[-1], path))


def egress_of(program: BridgeProgram, sent: Sent) -> Egress:
    """Where a copy went, in words."""
    if sent.to != "port":
        return Egress(None, sent.to, shown(sent.packet))
    number = sent.packet[flow("out_port")]
    assert isinstance(number, int)
    ports = program.port_list
    return Egress(None if ports.is_invented(number) else number, ports.name(number), shown(sent.packet))


def assumed(reply: Reply) -> Assumed:
    """What was taken for granted, in words."""
    question = reply.question
    return Assumed(question.question, reply.answer, question.settle, question.rule)


_IP, _IPV6, _ARP = 0x0800, 0x86DD, 0x0806
LATER = 2
"""in nw_frag: a fragment that is not the first, and has no ports"""


def shown(packet: Packet) -> dict[str, Any]:
    """A packet in the words of options."""

    def number(name: str) -> int:
        value = packet[flow(name)]
        return value if isinstance(value, int) else 0

    ethertype, proto = number("dl_type"), number("nw_proto")
    words: dict[str, Any] = {"src": None, "dst": None, "proto": None, "sport": None, "dport": None}
    if ethertype in (_IP, _ARP):
        words |= {"src": show_address(number("nw_src"), 4), "dst": show_address(number("nw_dst"), 4)}
    elif ethertype == _IPV6:
        words |= {"src": show_address(number("ipv6_src"), 6), "dst": show_address(number("ipv6_dst"), 6)}
    if ethertype in (_IP, _IPV6):
        words["proto"] = show_protocol(proto)
        if number("nw_frag") & LATER:
            pass
        elif proto in (6, 17, 132):
            words |= {"sport": number("tp_src"), "dport": number("tp_dst")}
        elif proto in (1, 58):
            words |= {"icmp_type": number("tp_src"), "icmp_code": number("tp_dst")}
        words |= {"ttl": number("nw_ttl"), "tos": number("nw_tos")}
    else:
        words["proto"] = "arp" if ethertype == _ARP else f"0x{ethertype:04x}"
    words |= {"src_mac": show_mac(number("dl_src")), "dst_mac": show_mac(number("dl_dst"))}
    tci = number("vlan_tci")
    words["vlan"] = tci & 0xFFF if tci & 0x1000 else None
    words |= {"mark": number("pkt_mark"), "ct_mark": number("ct_mark"), "tun_id": number("tun_id")}
    return words
