"""What becomes of a packet that is known: walked once for every way in which open questions may be answered.

A bridge sends copies to many ports; an outcome holds them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruleparse.bits import Number
from ruleparse.evaluate import Hit, Path, walk
from ruleparse.packet import Answers, Assumption, Packet, Unknowns
from ruleparse.program import Program

LIMIT = 400
"""Outcomes that are told apart."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A question and its answer on one walk."""

    question: Assumption
    about: Number | None
    answer: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A copy of the packet as it was sent, and whereto."""

    to: str
    packet: Packet


@dataclass(frozen=True, slots=True)
class Delivery:
    """One fate: every copy that was sent, and the rules that were hit, in order."""

    sent: tuple[Sent, ...]
    reason: str | None
    replies: tuple[Reply, ...]
    probability: float
    hits: tuple[Hit, ...]
    packet: Packet
    """as the last pass left it"""
    drawn: tuple[Reply, ...] = ()
    """the random choices"""
    left: Any = None
    """what it leaves behind"""


@dataclass(slots=True)
class Deliveries:
    """Every fate of a packet. `complete` is False if there were more than LIMIT."""

    found: list[Delivery] = field(default_factory=list)
    complete: bool = True


class _Asking(Unknowns):
    """Answers questions by a list, and what is beyond it with yes."""

    def __init__(self, answers: list[bool]) -> None:
        super().__init__()
        self.chosen = answers
        self.replies: dict[tuple[str, Number | None], Reply] = {}
        self.open: list[Reply] = []
        """those that both answers are tried of, in order"""

    def ask(self, question: Assumption, about: Number | None = None) -> bool:
        key = (question.question, about)
        if key not in self.replies:
            self.replies[key] = self._reply(question, about)
        return self.replies[key].answer

    def _reply(self, question: Assumption, about: Number | None) -> Reply:
        if question.presumed:
            return Reply(question, about, True)
        at = len(self.open)
        reply = Reply(question, about, self.chosen[at] if at < len(self.chosen) else True)
        self.open.append(reply)
        return reply


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand where a packet passes: a program over what is remembered, which the packet may change; and the
    answers to questions that were asked before."""

    program: Program
    remembered: Any = None
    answers: Answers = field(default_factory=dict)


def deliveries(
    program: Program, entry: str, values: Mapping[str, Number], passes: str, failed: str,
    standing: Callable[[], Standing] | None = None,
) -> Deliveries:  # fmt: skip
    """Walk a packet whose every field is known. Field `passes` says in which part of the walk a copy was sent; what a
    part sends that ends with field `failed` set is not sent. `standing` makes a memory for each fate to change."""
    result = Deliveries()
    answers: list[bool] = []
    while True:
        asking = _Asking(answers)
        now = standing() if standing is not None else Standing(program)
        result.found.append(_deliver(now, entry, Packet(values, asking), asking, passes, failed))
        answers = [reply.answer for reply in asking.open]
        while answers and not answers[-1]:
            answers.pop()
        if not answers:
            return result
        answers[-1] = False
        if len(result.found) >= LIMIT:
            result.complete = False
            return result


def _deliver(now: Standing, entry: str, packet: Packet, asking: _Asking, passes: str, failed: str) -> Delivery:
    path = None if now.remembered is None else Path(_never, {})
    found = walk(now.program, entry, packet, now.answers, path=path)
    spoiled = {e.packet[passes] for e in found.ends if e.stop.verdict == "drop" and e.packet[failed]}
    sent = tuple(
        Sent(e.stop.reason or "", e.packet)
        for e in found.ends
        if e.stop.verdict == "output" and e.packet[passes] not in spoiled
    )
    odds = 1.0
    for reply in asking.open:
        p = reply.question.probability
        odds *= 1.0 if p is None else p if reply.answer else 1 - p
    told = tuple(r for r in asking.replies.values() if r.question.probability is None)
    reason = next((e.stop.reason for e in found.ends if e.stop.verdict == "drop"), None)
    last = found.ends[-1].packet if found.ends else packet
    drawn = tuple(r for r in asking.open if r.question.probability is not None)
    hits = tuple(h for h in found.hits if h.when is True)
    return Delivery(sent, reason, told, odds, hits, last, drawn, now.remembered)


def _never() -> bool:
    raise AssertionError("a packet that is known leaves no choice")
