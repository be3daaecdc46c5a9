"""Conjunctions as policies: who, where and what their clauses allow together, and which of them a packet fails."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ruleparse.cni.saved_flows import SavedFlow, SavedTable
from ruleparse.packet import Packet

_PEER = {"nw_src": "from", "ipv6_src": "from", "nw_dst": "to", "ipv6_dst": "to", "reg1": "to"}
_PORTS = ("tp_dst", "tcp_dst", "udp_dst", "sctp_dst")
_PROTOCOLS = ("tcp", "udp", "sctp", "icmp", "tcp6", "udp6", "sctp6", "icmp6")
_ENDS = ("from", "to")
_MOST = 4
_MOST_DIMENSIONS = 64
_CLAUSE = re.compile(r"conjunction\(([0-9]{1,10}),([0-9]{1,2})/([0-9]{1,2})\)")


@dataclass(eq=False)
class Conjunction:
    """One rule of a policy: a packet has to match some flow of each dimension."""

    number: int
    priority: int
    size: int
    dimensions: dict[int, list[SavedFlow]] = field(default_factory=dict)
    answer: SavedFlow | None = None
    """the flow for packets that do"""

    def failed(self, packet: Packet) -> list[int]:
        """The dimensions of which a packet matches no flow; nothing is said of values that are not known."""
        return [n for n in range(1, self.size + 1) if not any(_holds(f, packet) for f in self.dimensions.get(n, ()))]

    def words(self, dimension: int, show: Mapping[int, str]) -> str:
        """`from 10.0.0.1, 10.0.0.2`, `tcp/80`."""
        return clause_words(self.dimensions.get(dimension, ()), show)

    def about(self, show: Mapping[int, str], without: str = "") -> str:
        """All dimensions but one that begins with `without`: `tcp/80 from 10.0.0.1 to 10.0.0.9`."""
        parts = sorted((self.words(n, show) for n in range(1, self.size + 1)), key=_order)
        kept = [part for part in parts if part != ANYTHING and (not without or _end(part) != without)]
        return " ".join(kept if kept and not _end(kept[0]) else [ANYTHING, *kept])


ANYTHING = "anything"


def _end(words: str) -> str:
    return next((end for end in _ENDS if words.startswith(f"{end} ")), "")


def _order(words: str) -> int:
    """Protocols and ports first."""
    return _ENDS.index(end) + 1 if (end := _end(words)) else 0


def _holds(flow: SavedFlow, packet: Packet) -> bool:
    """Whether a packet matches, as far as it is known and the flow makes sense."""
    with suppress(ValueError):
        for test in flow.flow.tests(lambda _: 0):
            value = packet.values.get(test.field)
            if type(value) is int and value & test.mask != test.value:
                return False
    return True


def clause_words(flows: Sequence[SavedFlow], show: Mapping[int, str]) -> str:
    """What the flows of one dimension have in common, and their values."""
    said: dict[str, list[str]] = {}
    for flow in flows:
        kind, value = _clause(flow, show)
        said.setdefault(kind, []).append(value)
    parts = [f"{kind} {_few(values)}".strip() for kind, values in said.items()]
    return " or ".join(parts) or ANYTHING


def packet_words(flow: SavedFlow) -> str:
    """What a single flow asks of a packet: `tcp/80 from 10.0.0.1`; empty if nothing."""
    said = [_condition(flow, name) for name in flow.match if name in _PEER and name != "reg1"]
    what = _service(flow)
    return " ".join(part for part in (what if what != ANYTHING else "", *said) if part)


def _condition(flow: SavedFlow, name: str) -> str:
    return f"{_PEER[name]} {flow.match[name]}"


def _few(values: list[str]) -> str:
    found = list(dict.fromkeys(values))
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return ", ".join(found[:_MOST]) + more


def _clause(flow: SavedFlow, show: Mapping[int, str]) -> tuple[str, str]:
    for name, value in flow.match.items():
        if name in _PEER:
            port = flow.matched("reg1") if name == "reg1" else None
            return _PEER[name], value if port is None else show.get(port, f"port {port}")
    return "", _service(flow)


def _service(flow: SavedFlow) -> str:
    protocol = next((name for name in flow.match if name in _PROTOCOLS), "")
    number = next((flow.match[name] for name in _PORTS if name in flow.match), "")
    return f"{protocol}/{number}" if protocol and number else protocol or ANYTHING


def conjunction(table: SavedTable, number: int) -> Conjunction | None:
    """One conjunction of a table, of which no other flow is read."""
    found: Conjunction | None = None
    for flow in table.containing(f"conjunction({number},"):
        for which, place, size in clauses(flow):
            if which == number:
                found = found or Conjunction(number, flow.priority, size)
                found.dimensions.setdefault(place, []).append(flow)
    if found is not None:
        answers = (f for f in table.containing(f"conj_id={number}") if f.match.get("conj_id") == str(number))
        found.answer = next(answers, None)
    return found


def conjunctions(table: SavedTable) -> list[Conjunction]:
    """Every conjunction of a table, by number."""
    found: dict[int, Conjunction] = {}
    for flow in table.containing("conjunction("):
        for number, place, size in clauses(flow):
            one = found.setdefault(number, Conjunction(number, flow.priority, size))
            one.dimensions.setdefault(place, []).append(flow)
    for flow in table.containing("conj_id="):
        number_text = flow.match.get("conj_id", "")
        if number_text.isdecimal() and (answered := found.get(int(number_text))) is not None:
            answered.answer = answered.answer or flow
    return [found[number] for number in sorted(found)]


def clauses(flow: SavedFlow) -> Iterator[tuple[int, int, int]]:
    """Number, dimension and number of dimensions of each clause that a flow is."""
    for element in flow.actions:
        found = _CLAUSE.fullmatch(str(element))
        if found is not None and int(found[3]) <= _MOST_DIMENSIONS:
            yield int(found[1]), int(found[2]), int(found[3])
