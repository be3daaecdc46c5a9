"""An answer of `why` for people: the fate first, then the rule that decided and what it means, then the path."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TextIO

from ruleparse.report.page import Page
from ruleparse.report.provided import Provided, provided, settled_by, shortened
from ruleparse.snapshot import Overlay
from ruleparse.text import printable
from ruleparse.why import Answer, Outcome, Place, Step

FATE = {
    "accept": ("ACCEPTED", "green"),
    "drop": ("DROPPED", "red"),
    "reject": ("REJECTED", "red"),
    "controller": ("TO THE CONTROLLER", "yellow"),
}
_VERDICT = re.compile(r"(?<=\s)(-[jg] \S+|(ACCEPT|DROP)(?= \[)).*")
_MOST_STEPS = 40
_MOST_VALUES = 40


def write_why(answer: Answer, out: TextIO, *, verbose: bool = False, width: int | None = None) -> None:
    """`width` in columns; that of the terminal if not given."""
    out.write("\n".join(Writer.of(out, width, verbose).lines(answer)) + "\n")


def in_one_line(answer: Answer) -> str:
    """Who talks to whom, and what becomes of it: `10.0.0.1:4000 to 10.0.0.2:80 tcp  DROPPED by filter INPUT, rule 3`"""
    fates = dict.fromkeys(_in_few_words(o) for o in answer.outcomes)
    return f"{_ends(answer.packet)} {answer.packet['proto']}  {' or '.join(fates)}"


def _in_few_words(o: Outcome) -> str:
    word, _ = FATE[o.verdict]
    if o.verdict == "accept":
        return word + _where_to(o)
    if o.decided_by is None:
        return f"{word}: {o.reason}"
    p = o.decided_by
    rule = "the policy" if p.rule == 0 else f"rule {p.rule}"
    return f"{word} by {p.where}, {rule} (line {p.line})"


class Conditional(Provided, Protocol):
    """An outcome of some of the packets that were asked about."""

    @property
    def when(self) -> Sequence[Mapping[str, str]] | None: ...

    @property
    def when_cut(self) -> bool: ...


class Writer(Page):
    def lines(self, answer: Answer) -> Iterator[str]:
        yield self.style.bold(question_in_words(answer.asked))
        yield from (f"  {address} is {name}" for address, name in answer.names.items())
        outcomes = _joined(answer.outcomes)
        yield from self.fates(outcomes, lambda told: self.outcome(*told, answer.asked), _say_more(answer))
        yield from settled_by(self, answer.outcomes)
        if not answer.complete:
            yield ""
            more = _say_more(answer) or "; there are fewer if you say more about the packet"
            yield from self.wrap(f"…and more fates than are told apart here{more}", "")

    def outcome(self, o: Outcome, alike: Sequence[Outcome], asked: Mapping[str, Any]) -> Iterator[str]:
        yield from self.fate(o, alike, asked)
        yield from self.conditions(o)
        yield from self.decision(o)
        yield from self.path(o)
        for back in o.reply or ():
            yield ""
            yield self.style.bold("its answer") + f" ({_ends(back.packet)})"
            yield from self.outcome(back, [back], {})

    # The fate

    def fate(self, o: Outcome, alike: Sequence[Outcome], asked: Mapping[str, Any]) -> Iterator[str]:
        word, colour = FATE[o.verdict]
        yield self.style.colour(word, colour) + _where_to(o)
        for other in alike if o.probability < 1 else [o]:
            if other.verdict == "accept" and (change := _rewritten(other, asked)):
                odds = f"   {_percent(other.probability)}" if other.probability < 1 else ""
                yield f"  as {change}{odds}"
        for tunnel in dict.fromkeys(other.overlay for other in alike if other.overlay is not None):
            yield from self.wrap(inside(tunnel), "  ")
        if o.reason:
            yield from self.wrap(f"because the kernel itself refuses it: {o.reason}", "  ")

    def conditions(self, o: Conditional) -> Iterator[str]:
        if o.when is not None:
            for index, row in enumerate(o.when):
                words = "  when " if index == 0 else "    or "
                most = sys.maxsize if self.verbose else _MOST_VALUES
                yield from self.wrap(words + (_row(row, most) or "anything else"), "", "       ")
            if o.when_cut:
                yield "    or … and more"
        yield from provided(self, o)

    # The rule that decided

    def decision(self, o: Outcome) -> Iterator[str]:
        if o.decided_by is None:
            yield from (f"  {line}" for s in o.explanation for line in textwrap.wrap(s, self.columns - 2))
            return
        yield from self.decided_by(o.decided_by)
        for sentence in o.explanation:
            yield from self.wrap(sentence, "  ")

    def decided_by(self, p: Place) -> Iterator[str]:
        yield ""
        what = f"the policy of {p.where}" if p.rule == 0 else f"{p.where}, rule {p.rule}"
        yield f"decided by {self.style.bold(what)}  {self.style.dim(f'{p.file}:{p.line}')}"
        yield from self.rule(p)

    def rule(self, p: Place) -> Iterator[str]:
        """The rule in full, carets under what it does."""
        lines = textwrap.wrap(
            printable(shortened(p.text)), self.columns - 4, break_on_hyphens=False, break_long_words=True
        ) or [""]
        for line in lines:
            yield f"    {line}"
            if (verdict := _VERDICT.search(line)) is not None:
                yield "    " + " " * verdict.start() + "^" * (len(line) - verdict.start())

    # The path

    def path(self, o: Outcome) -> Iterator[str]:
        steps = list(o.steps) if self.verbose else [s for s in o.steps if not is_idle(s)]
        if not steps:
            return
        yield ""
        yield "path"
        hook = None
        shown = steps if self.verbose else steps[:_MOST_STEPS]
        for step in shown:
            if step.hook != hook:
                hook = step.hook
                yield f"  {hook}"
            yield from self.step(step)
        if len(steps) > len(shown):
            yield f"    … {len(steps) - len(shown)} more steps (--verbose)"

    def step(self, s: Step) -> Iterator[str]:
        p = s.place
        rule = "policy" if p.rule == 0 else str(p.rule)
        head = f"    {p.where} {rule}: {s.effect or 'counts'}"
        tail = self.style.dim(f"line {p.line}")
        says = f"   {s.says}" if s.says else ""
        if len(head) + len(says) + len(f"line {p.line}") + 3 <= self.columns:
            yield f"{head}{says}   {tail}"
            return
        yield f"{head}   {tail}"
        if s.says:
            yield from self.wrap(s.says, "        ")


def _joined(outcomes: Sequence[Outcome]) -> list[tuple[Outcome, list[Outcome]]]:
    """Outcomes that differ by a random choice only, or by answers that change no fate, are told together."""
    groups: dict[tuple[Any, ...], list[Outcome]] = {}
    for o in _whatever_the_answer(outcomes):
        answers = tuple((a.question, a.answer) for a in o.assumptions)
        rewrites = () if o.probability < 1 else tuple(o.packet.items())
        groups.setdefault((_fate(o), answers, rewrites), []).append(o)
    return [(group[0], group) for group in groups.values()]


def _whatever_the_answer(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Two outcomes that differ by the answer to one question are one, with the steps that both have."""
    found = list(outcomes)
    while (pair := _differ_by_an_answer(found)) is not None:
        first, second, question = pair
        less = [a for a in found[first].assumptions if a.question != question]
        shared = {s.place for s in found[second].steps}
        steps = [s for s in found[first].steps if s.place in shared]
        found[first] = replace(found[first], assumptions=less, steps=steps)
        del found[second]
    return found


def _differ_by_an_answer(outcomes: Sequence[Outcome]) -> tuple[int, int, str] | None:
    seen: dict[tuple[Any, ...], int] = {}
    for index, o in enumerate(outcomes):
        answers = frozenset((a.question, a.answer) for a in o.assumptions)
        for asked in answers:
            fate = (_fate(o), o.probability, tuple(o.packet.items()), answers - {asked}, asked[0])
            if (other := seen.setdefault(fate, index)) != index:
                return other, index, asked[0]
    return None


def _fate(o: Outcome) -> tuple[Any, ...]:
    return (o.verdict, o.egress, o.reject_with, o.reason, o.decided_by and o.decided_by.line, str(o.when))


def _say_more(answer: Answer) -> str:
    """Which options would leave fewer fates."""
    varying = {name for o in answer.outcomes for row in o.when or () for name in row}
    options = [f"--{name.replace('_', '-')}" for name in sorted(varying)]
    return f"; there are fewer if you say {', '.join(options)}" if options else ""


def is_idle(step: Step) -> bool:
    """A policy that accepts, outside the filter table, decides nothing."""
    return step.place.rule == 0 and step.effect == "accept" and step.place.table != "filter"


def _percent(probability: float) -> str:
    return f"{100 * probability:.3g} %"


def _ends(packet: Mapping[str, Any]) -> str:
    """Who talks to whom."""
    ports = [f":{packet[port]}" if packet.get(port) is not None else "" for port in ("sport", "dport")]
    src, dst = (f"[{packet[end]}]" if ":" in str(packet[end]) else packet[end] or "any" for end in ("src", "dst"))
    return f"{src}{ports[0]} to {dst}{ports[1]}"


def _where_to(o: Outcome) -> str:
    if o.verdict == "reject":
        return f" with {o.reject_with}" if o.reject_with else ""
    if o.verdict != "accept":
        return ""
    if o.egress == "local":
        return ", delivered to this node"
    return f", leaves by {o.egress}" if o.egress else ", leaves by an interface that is not known"


def inside(tunnel: Overlay) -> str:
    """`inside VXLAN 1 (flannel.1) to node 192.168.10.22`"""
    number = "" if tunnel.number is None else f" {tunnel.number}"
    told_by = ", ".join(f"`{command}`" for command in (tunnel.settle or "").split("; ") if command)
    to = f"node {tunnel.to}" if tunnel.to else f"another node{f' ({told_by} would tell which)' if told_by else ''}"
    return f"inside {tunnel.kind}{number} to {to}"


def _rewritten(o: Outcome, asked: Mapping[str, Any]) -> str:
    """How it left: where an end is not one value, what was asked about, or that there are several."""

    def shown(end: str) -> Any:
        value = o.packet.get(end)
        return value if value is not None else asked.get(end) if end in o.kept else _SEVERAL.get(end)

    return f"{end_in_words(shown('src'), shown('sport'))} → {end_in_words(shown('dst'), shown('dport'))}"


_SEVERAL = {"src": "several", "dst": "several"}
"""What stands for addresses that were translated, and not all to the same."""


def end_in_words(address: str | None, port: object) -> str:
    host = address or "any"
    host = f"[{host}]" if ":" in host and port is not None else host
    return host if port is None else f"{host}:{port}"


def _row(row: Mapping[str, str], most: int) -> str:
    return "; ".join(f"{name.replace('_', ' ')} {spaced(value, most)}" for name, value in row.items())


def spaced(values: str, most: int) -> str:
    """A list with room to break lines, or how it starts."""
    parts = [part.strip() for part in values.split(",")]
    more = [f"and {len(parts) - most} more (--verbose)"] if len(parts) > most else []
    return ", ".join((*parts[:most], *more))


def question_in_words(spec: Mapping[str, Any]) -> str:
    if spec.get("flow") and not _NAMED & spec.keys():
        return str(spec["flow"])
    proto = str(spec.get("proto", "any protocol"))
    ends = [end_in_words(spec.get(a), spec.get(p)) for a, p in (("src", "sport"), ("dst", "dport"))]
    entry = (
        "sent by this node"
        if spec.get("local") or spec.get("in") == "local"
        else f"in by {spec['in']}"
        if spec.get("in")
        else ""
    )
    rest = [f"{k.replace('_', '-')} {v}" for k, v in spec.items() if k not in _NAMED]
    return ", ".join(part for part in (f"{proto} {ends[0]} → {ends[1]}", entry, *rest) if part)


_NAMED = {"proto", "src", "dst", "sport", "dport", "in", "local", "id", "hex"}
