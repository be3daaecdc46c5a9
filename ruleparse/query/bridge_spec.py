"""Packets of a bridge as people write them: a match, and the options that other packets have too."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import full
from ruleparse.openflow.header_space import (
    PRESENT,
    WHO,
    choices_between_buckets,
    fields_named,
    has,
    hashes,
    is_real,
    ports_of,
)
from ruleparse.openflow.keys import KEYWORDS, PORT_KEYS, FlowKey, matched
from ruleparse.openflow.program import BridgeProgram
from ruleparse.openflow.recirculation import NEXT, ct_next
from ruleparse.openflow.trace_flow import read_ct_state
from ruleparse.packet import FIELDS, Assumption, Packet, Unknowns
from ruleparse.spec import OPTIONS, Condition, SpecError, family_of

_WORDS = re.compile(r'([^\s,=]+)(?:=("[^"]*"|\([^)]*\)|[^\s,]*))?')
_IP = {4: 0x0800, 6: 0x86DD}
_OPTIONS = {
    "sport": "tp_src",
    "dport": "tp_dst",
    "proto": "nw_proto",
    "ttl": "nw_ttl",
    "tos": "nw_tos",
    "mark": "pkt_mark",
    "src_mac": "dl_src",
    "dst_mac": "dl_dst",
}
"""Options and the fields of a flow that they mean, besides `in`, `src` and `dst`."""
KEYS = frozenset({"bridge", "flow", "ct_next", "in", "src", "dst", "family", "id", *_OPTIONS})
_ARP = 0x0806


@dataclass(frozen=True, slots=True)
class AskedOfBridge:
    """What was asked about: a packet, under which condition on its unknown fields, and which of them may exist."""

    packet: Packet
    reach: Bool
    real: Bool
    ports: Sequence[str]
    """what an unknown port may be, in words"""


class Presuming(Unknowns):
    """Unknowns of a bridge: what every answer rests on is taken for true."""

    def ask(self, question: Assumption, about: Number | None = None) -> Bool:
        return True if question.presumed else super().ask(question, about)


def asked_of_bridge(
    programs: Sequence[BridgeProgram], spec: Mapping[str, Any], nodes: int, make: type[Unknowns] = Presuming
) -> AskedOfBridge:
    """What a packet's keys ask of a bridge, or of several alike; `nodes` is the room for decision diagrams.
    Raises SpecError."""
    if unknown := sorted(key for key, value in spec.items() if value is not None and key not in KEYS):
        raise SpecError(f"{unknown[0]!r} is not about a packet in a bridge; there are {', '.join(sorted(KEYS))}")
    given = _Given(programs, spec)
    ports = ports_of(programs)
    unknowns = make(nodes, None, (lambda: [number for number, _ in ports]) if ports else None)
    names = fields_named(programs)
    names += [name for name in dict.fromkeys(n for n, _ in given.conditions) if name not in names and name in PRESENT]
    values: dict[str, Number] = {**given.states, **hashes(programs[0]), **given.known}
    open_names = [name for name in names if flow(name) not in given.known]
    for name in open_names:
        if name == WHO:
            unknowns.make_room_for_answers(max(map(choices_between_buckets, programs)))
        values[flow(name)] = bits.number(unknowns.field(flow(name)))
    packet = Packet(values, unknowns)
    reach = bits.all_of(condition(packet[flow(name)]) for name, condition in given.conditions)
    reach = bits.all_of([reach, *(has(packet, name) for name in given.said if name in PRESENT)])
    real = bits.both(reach, is_real(packet, open_names))
    if real is False:
        raise SpecError("there is no such packet: what was given contradicts itself")
    return AskedOfBridge(packet, reach, real, [words for _, words in ports])


class _Given:
    """What somebody said of a packet: values, and conditions on fields that have several."""

    def __init__(self, programs: Sequence[BridgeProgram], spec: Mapping[str, Any]) -> None:
        self.programs = programs
        self.known: dict[str, int] = {}
        self.conditions: list[tuple[str, Condition]] = []
        self.said: list[str] = []
        self.states = self.states_of(spec)
        self.masks: dict[str, tuple[int, int]] = {}
        if spec.get("flow"):
            self.flow(str(spec["flow"]))
        self.options(spec)

    def states_of(self, spec: Mapping[str, Any]) -> dict[str, int]:
        given = spec.get("ct_next") or ()
        states = [given] if isinstance(given, str) else list(given)
        try:
            return {NEXT: ct_next([read_ct_state(str(s)) for s in states]), flow("ct_said"): len(states)}
        except ValueError as error:
            raise SpecError(f"--ct-next: {error}") from None

    def flow(self, text: str) -> None:
        protocol = ""
        for name, given in _WORDS.findall(text.strip()):
            try:
                if name in KEYWORDS and not given:
                    protocol = name
                    for field, value in KEYWORDS[name].values.items():
                        self.under_mask(flow(field), value, full(FIELDS[flow(field)].width))
                else:
                    self.word(matched(name, protocol), name, given)
            except ValueError as error:
                raise SpecError(f"--flow {text}: {name}: {error}") from None
        for field, (value, mask) in self.masks.items():
            if mask == full(FIELDS[field].width) or field.removeprefix(flow("")) not in PRESENT:
                self.known[field] = value
            else:
                self.conditions.append((field.removeprefix(flow("")), partial(_under_mask, value, mask)))

    def word(self, key: FlowKey | None, name: str, text: str) -> None:
        if key is None:
            raise ValueError("not a field that is known")
        if not text:
            raise ValueError(f"it takes a value: {name}=…")
        value, mask = (self.port(text), full(16)) if key.name in PORT_KEYS else key.parse(text)
        for test in key.tests(value, mask):
            self.under_mask(test.field, test.value, test.mask)
        self.said += [part.field for part in key.parts]

    def under_mask(self, field: str, value: int, mask: int) -> None:
        before, known = self.masks.get(field, (0, 0))
        if (before ^ value) & known & mask:
            raise ValueError("it is given twice")
        self.masks[field] = before | value, known | mask & full(FIELDS[field].width)

    def port(self, text: str) -> int:
        ports = self.programs[0].port_list
        number = ports.number(text)
        if ports.known and ports.is_invented(number):
            raise ValueError(f"there is no port {text} among those that were saved")
        return number

    # Options

    def options(self, spec: Mapping[str, Any]) -> None:
        family = family_of(spec)
        if family is not None:
            self.set("dl_type", _IP[family])
        for end in ("src", "dst"):
            if spec.get(end) is not None:
                self.option(end, f"{'ipv6' if family == 6 else 'nw'}_{end}", spec[end])
        for key, field in _OPTIONS.items():
            if spec.get(key) is not None:
                if key == "proto" and str(spec[key]).lower() == "arp":
                    self.set("dl_type", _ARP)
                    continue
                self.option(key, field, spec[key])
        if spec.get("in") is not None:
            try:
                self.set("in_port", self.port(str(spec["in"])))
            except ValueError as error:
                raise SpecError(f"--in {spec['in']}: {error}") from None
        if spec.get("proto") is not None and flow("dl_type") not in self.known:
            self.conditions.append(("dl_type", _is_ip))

    def option(self, key: str, field: str, text: Any) -> None:
        try:
            parsed = OPTIONS[key][1](str(text))
        except ValueError as error:
            raise SpecError(f"--{key.replace('_', '-')} {text}: {error}") from None
        self.said.append(field)
        if isinstance(parsed, int):
            self.set(field, parsed)
        else:
            self.conditions.append((field, parsed))

    def set(self, field: str, value: int) -> None:
        if self.known.get(flow(field), value) != value:
            raise SpecError(f"{field} is given twice, and not the same")
        self.known[flow(field)] = value


def _under_mask(value: int, mask: int, number: Number) -> Bool:
    return bits.equal_masked(number, value, mask)


def _is_ip(number: Number) -> Bool:
    return bits.any_of(bits.equal_masked(number, value, -1) for value in _IP.values())
