"""An answer about a bridge for people: who gets the packet, then the flows that led there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from ruleparse.report.page import Page
from ruleparse.report.provided import provided, settled_by
from ruleparse.text import printable
from ruleparse.why_bridge import BridgeAnswer, BridgeOutcome, Egress, FlowStep

FATES = {"accept": ("ACCEPTED", "green"), "drop": ("DROPPED", "red"), "controller": ("TO THE CONTROLLER", "yellow")}


def write_bridge(answer: BridgeAnswer, out: TextIO, *, verbose: bool = False, width: int | None = None) -> None:
    """`width` in columns; that of the terminal if not given."""
    out.write("\n".join(BridgeWriter.of(out, width, verbose).lines(answer)) + "\n")


class BridgeWriter(Page):
    def lines(self, answer: BridgeAnswer) -> Iterator[str]:
        yield self.style.bold(printable(str(answer.asked.get("flow", ""))))
        yield from self.fates(answer.outcomes, self.outcome)
        yield from settled_by(self, answer.outcomes)
        if not answer.complete:
            yield ""
            yield "…and more fates than are told apart here"

    def outcome(self, o: BridgeOutcome) -> Iterator[str]:
        word, colour = FATES[o.verdict]
        odds = f"   {100 * o.probability:.3g} %" if o.probability < 1 else ""
        yield self.style.colour(word, colour) + _whereto(o) + odds
        yield from (f"  {line}" for line in copies(o.egress))
        if o.reason:
            yield from self.wrap(f"because {o.reason}", "  ", "    ")
        yield from provided(self, o)
        for sentence in o.explanation:
            yield from self.wrap(sentence, "  ", "    ")
        if o.steps:
            yield ""
            yield "path"
            for step in o.steps:
                yield from self.step(step)

    def step(self, s: FlowStep) -> Iterator[str]:
        table = f"table {s.table}" + (f" ({s.name})" if s.name and s.name != s.table else "")
        if s.priority is None:
            yield f"  {table}: no flow matches"
            return
        match = f"{s.match} " if s.match else ""
        *lines, last = self.wrap(f"{table}, priority {s.priority}: {match}→ {s.actions}", "  ", "      ")
        yield from (*lines, f"{last}   {self.style.dim(f'line {s.line}')}")
        if s.says:
            yield from self.wrap(s.says, "        ", "          ")


def _whereto(o: BridgeOutcome) -> str:
    return f", leaves by {', '.join(port_in_words(e) for e in o.egress)}" if o.egress else ""


def copies(egress: Iterable[Egress]) -> Iterator[str]:
    """Each copy of a packet as it left."""
    return (f"{port_in_words(e)}: {_words(e.packet)}" for e in egress)


def port_in_words(e: Egress) -> str:
    if e.port is None:
        return str(e.name)
    return f"port {e.port}" + (f" ({e.name})" if e.name else "")


def _words(packet: Mapping[str, Any]) -> str:
    """A packet in one line."""
    ends = [_end(packet.get(a), packet.get(p)) for a, p in (("src", "sport"), ("dst", "dport"))]
    parts = [f"{packet['proto']} {ends[0]} → {ends[1]}", *([f"to {packet['dst_mac']}"] if "dst_mac" in packet else [])]
    parts += [f"{name} {packet[name]}" for name in ("vlan", "mark", "tun_id") if packet.get(name)]
    return ", ".join(parts)


def _end(address: str | None, port: int | None) -> str:
    host = f"[{address}]" if address and ":" in address and port is not None else address or "any"
    return host if port is None else f"{host}:{port}"
