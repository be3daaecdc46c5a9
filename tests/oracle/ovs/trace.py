"""Reads what ofproto/trace says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_STEP = re.compile(r"^ *(\d+)(?:\([^)]*\))?\. (.*)$")
_RULE = re.compile(r"^(?:(.*), )?priority (\d+)(?:, cookie 0x[0-9a-f]+)?$")
_FLOW, _FINAL, _ACTIONS = "Flow: ", "Final flow: ", "Datapath actions: "
_RULER = re.compile(r"^=+$")
_TOS = {"nw_tos", "nw_ecn"}
HASHED = re.compile(r"hash\(\w+\(\d+\)\),recirc\(0x[0-9a-f]+\)")
Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """A flow that was hit; `priority` is None where no flow of the table was."""

    table: int
    priority: int | None
    match: str

    def __str__(self) -> str:
        return f"table {self.table} " + ("miss" if self.priority is None else f"priority {self.priority} {self.match}")


@dataclass(slots=True)
class Segment:
    """From an entry to the datapath to the next: a packet goes on behind conntrack in another."""

    flow: str = ""
    final: str = ""
    actions: str = ""
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Output:
    """`port` is the datapath's number."""

    port: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class Trace:
    text: str
    segments: list[Segment]

    @property
    def steps(self) -> list[Step]:
        return [step for segment in self.segments for step in segment.steps]

    @property
    def outputs(self) -> list[Output]:
        return [output for segment in self.segments for output in outputs(segment)]

    @property
    def stops_at_a_choice(self) -> bool:
        """A bucket chosen by the datapath's own hash is chosen when the packet comes back, which no trace follows."""
        return any(HASHED.search(segment.actions) for segment in self.segments)

    @property
    def tells_a_controller(self) -> bool:
        return any("userspace(" in segment.actions for segment in self.segments)


def read(text: str) -> Trace:
    segments = [Segment()]
    head = False
    for line in text.splitlines():
        segment = segments[-1]
        if _RULER.match(line):
            head = not head
            if head:
                segments.append(Segment())
        elif line.startswith(_FLOW):
            segment.flow = line.removeprefix(_FLOW)
        elif line.startswith(_FINAL):
            segment.final = line.removeprefix(_FINAL)
        elif line.startswith(_ACTIONS):
            segment.actions = line.removeprefix(_ACTIONS)
        elif not head and (found := _STEP.match(line)):
            segment.steps.append(_step(int(found[1]), found[2]))
    return Trace(text, segments)


def _step(table: int, words: str) -> Step:
    rule = _RULE.match(words)
    return Step(table, int(rule[2]), rule[1] or "") if rule else Step(table, None, "")


def outputs(segment: Segment) -> Iterator[Output]:
    """Where the datapath sends the packet, and how it looks by then."""
    yield from _outputs(segment.actions, headers(segment.flow))


def _outputs(actions: str, packet: Headers) -> Iterator[Output]:
    for action in split(actions):
        if action.isdigit():
            yield Output(int(action), dict(packet))
        elif action.startswith("clone("):
            yield from _outputs(_inside(action), dict(packet))
        elif action.startswith("set("):
            _set(_inside(action), packet)
        elif action.startswith("push_vlan("):
            pairs = dict(pair.split("=") for pair in split(_inside(action)))
            packet["vlan"], packet["pcp"] = pairs["vid"], pairs.get("pcp", "0")
        elif action == "pop_vlan":
            packet.pop("vlan", None)
            packet.pop("pcp", None)


def split(text: str) -> list[str]:
    """At commas outside of brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return [part for part in parts if part]


def _inside(action: str) -> str:
    return action[action.index("(") + 1 : -1]


_PORTS = {"src": "sport", "dst": "dport"}
#: header of a datapath's set() -> its fields, as we call them
_SET = {
    "eth": {"src": "eth_src", "dst": "eth_dst"},
    "ipv4": {"src": "src", "dst": "dst", "ttl": "ttl", "tos": "tos"},
    "ipv6": {"src": "src", "dst": "dst", "hlimit": "ttl", "tclass": "tos"},
    "tcp": _PORTS,
    "udp": _PORTS,
    "sctp": _PORTS,
}
#: field of a flow -> as we call it
_NAMES = {
    "dl_src": "eth_src",
    "dl_dst": "eth_dst",
    "dl_vlan": "vlan",
    "dl_vlan_pcp": "pcp",
    "nw_src": "src",
    "nw_dst": "dst",
    "ipv6_src": "src",
    "ipv6_dst": "dst",
    "arp_spa": "src",
    "arp_tpa": "dst",
    "nw_ttl": "ttl",
    "tp_src": "sport",
    "tp_dst": "dport",
    "pkt_mark": "mark",
}


def _set(text: str, packet: Headers) -> None:
    name, values = text[: text.index("(")], _inside(text)
    if name == "skb_mark":
        packet["mark"] = str(int(values.split("/")[0], 0))
    for pair in split(values):
        field_, _, value = pair.partition("=")
        if known := _SET.get(name, {}).get(field_):
            packet[known] = _put(packet.get(known), value)


def _put(old: str | None, value: str) -> str:
    """A value with a mask changes some bits only."""
    number, _, mask = value.partition("/")
    if not mask or not number.startswith("0x"):
        return number if not number.startswith("0x") else str(int(number, 0))
    return str(int(old or "0", 0) & ~int(mask, 0) | int(number, 0))


def headers(flow: str) -> Headers:
    """The headers of a packet from the flow that a trace prints for it."""
    packet: Headers = {}
    tos = 0
    for part in flow.split(","):
        name, _, value = part.partition("=")
        if name in _TOS:
            tos |= int(value, 0)
        elif known := _NAMES.get(name):
            packet[known] = str(int(value, 0)) if value.startswith("0x") else value
    return packet | {"tos": str(tos)}
