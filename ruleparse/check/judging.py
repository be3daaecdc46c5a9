"""Whether a node's rules meet an expectation: every packet of the set it speaks of is walked, all at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ruleparse.check.model import Expected
from ruleparse.check.reading import BadExpectations, Placed
from ruleparse.snapshot import Snapshot
from ruleparse.spec import SpecError
from ruleparse.text import Diagnostic
from ruleparse.why import Answer, Outcome, why

Status = Literal["holds", "fails", "unknown"]


@dataclass(frozen=True, slots=True)
class Judged:
    """An expectation and how it is met. `because` says why not; `witness` is a packet for which it is not, `shown` its
    walk, as far as that is not as expected.
    """

    placed: Placed
    status: Status
    because: tuple[str, ...] = ()
    witness: Mapping[str, Any] | None = None
    shown: Answer | None = None

    @property
    def passed(self) -> bool:
        return self.status == "holds" or (self.status == "unknown" and self.placed.expectation.assuming)


def judge(snapshot: Snapshot, expectations: Sequence[Placed]) -> list[Judged]:
    """Raises BadExpectations for packets that make no sense."""
    return [_judge(snapshot, placed) for placed in expectations]


def _judge(snapshot: Snapshot, placed: Placed) -> Judged:
    expectation = placed.expectation
    try:
        answer = why(snapshot, expectation.packet)
    except SpecError as error:
        raise BadExpectations([Diagnostic("expectations", "error", str(error), placed.packet)]) from None
    except MemoryError:
        return Judged(placed, "unknown", ("there are too many packets to tell apart; ask about fewer unknown fields",))
    verdicts = [(o, obeys(o, expectation.expect)) for o in answer.outcomes]
    wrong = [o for o, obeyed in verdicts if obeyed is False]
    if wrong:
        return _not_met(snapshot, placed, answer, wrong)
    if any(obeyed is None for _, obeyed in verdicts):
        return Judged(placed, "unknown", ("it does not leave for one place that could be compared",))
    if not answer.complete:
        return Judged(placed, "unknown", ("there are more fates than are told apart; say more about the packet",))
    return Judged(placed, "holds")


def _not_met(snapshot: Snapshot, placed: Placed, answer: Answer, wrong: Sequence[Outcome]) -> Judged:
    unsettled = open_questions(answer.outcomes)
    certain = [o for o in wrong if not any(a.question in unsettled for a in o.assumptions)]
    all_wrong = answer.complete and len(wrong) == len(answer.outcomes)
    shown = (certain or list(wrong))[0]
    witness = {**placed.expectation.packet, **_some_packet(placed.expectation.packet, shown)}
    walked = _walked(snapshot, witness, placed.expectation.expect)
    if certain or all_wrong:
        return Judged(placed, "fails", (), witness, walked)
    asked = {a.question: a for o in wrong for a in o.assumptions if a.question in unsettled}
    words = tuple(f"if “{a.question}” is {_yes(a.answer)}{_by(a.settle)}" for a in asked.values())
    return Judged(placed, "unknown", words, witness, walked)


def _yes(answer: bool) -> str:
    return "true" if answer else "not true"


def _by(settle: str) -> str:
    return f" (to settle it, save `{settle}`)" if settle else ""


def open_questions(outcomes: Sequence[Outcome]) -> set[str]:
    """Questions that one outcome answers otherwise than another; the rest are presumed."""
    answers = {(a.question, a.answer) for o in outcomes for a in o.assumptions}
    return {question for question, answer in answers if (question, not answer) in answers}


def obeys(outcome: Outcome, expected: Expected) -> bool | None:
    """Whether all packets of an outcome have a fate; None if some may and others not."""
    if expected.never is not None:
        inner = obeys(outcome, expected.never)
        return None if inner is None else not inner
    if outcome.verdict != (expected.verdict or "accept"):
        return False
    parts = [_leaves_for(outcome, expected.to), _leaves_by(outcome, expected.out)]
    return False if False in parts else None if None in parts else True


def _leaves_by(outcome: Outcome, interface: str | None) -> bool | None:
    if interface is None:
        return True
    return None if outcome.egress is None else outcome.egress == interface


def _leaves_for(outcome: Outcome, places: Sequence[str] | None) -> bool | None:
    if not places:
        return True
    found = [_is_place(outcome.packet, place) for place in places]
    return True if True in found else None if None in found else False


def _is_place(packet: Mapping[str, Any], place: str) -> bool | None:
    """`10.0.0.1`, `10.0.0.1:80`, `fd00::1`, `[fd00::1]:80`"""
    host, port = _split(place)
    pairs = [(packet.get("dst"), host), *([(packet.get("dport"), port)] if port is not None else [])]
    if any(is_ is not None and is_ != wanted for is_, wanted in pairs):
        return False
    return None if any(is_ is None for is_, _ in pairs) else True


def _split(place: str) -> tuple[str, int | None]:
    found = _PLACE.fullmatch(place)
    if found is None:
        return place, None
    return found["six"] or found["four"], int(found["port"])


_PLACE = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:\]]+)):(?P<port>\d{1,5})")


# A witness


def _some_packet(asked: Mapping[str, Any], outcome: Outcome) -> Mapping[str, str]:
    """One packet of those that go this way, as far as it can be told from what an answer says of them."""
    row = outcome.when[0] if outcome.when else {}
    texts = {**{key: str(value) for key, value in asked.items() if key not in _WHOLE}, **row}
    return {key.replace("-", "_"): one for key, text in texts.items() if (one := _first(text)) is not None}


_WHOLE = ("tcp_flags", "ctstate", "hex", "local", "icmp_type", "mark", "family")
"""Options whose commas and slashes mean something else."""


def _first(text: str) -> str | None:
    """One value of a list of values, prefixes and ranges; None for `any except …`."""
    word = text.split(",")[0].strip()
    if word.startswith("any ") or not word:
        return None
    found = _SEVERAL.fullmatch(word)
    return found[1] if found else word


_SEVERAL = re.compile(r"([\da-fA-F.:]+)[-/][\da-fA-F.:]+")
"""A prefix or a range: the first address or number stands for it."""


def _walked(snapshot: Snapshot, witness: Mapping[str, Any], expected: Expected) -> Answer | None:
    try:
        answer = why(snapshot, witness)
    except (SpecError, MemoryError):
        return None
    wrong = [outcome for outcome in answer.outcomes if obeys(outcome, expected) is False]
    return replace(answer, outcomes=wrong) if wrong else answer
