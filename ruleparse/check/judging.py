"""Whether a node's rules meet an expectation: every packet of the set it speaks of is walked, all at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ruleparse.check.cases import Spec, cases, spelled_out
from ruleparse.check.model import Expected
from ruleparse.check.reading import BadExpectations, Placed
from ruleparse.snapshot import Snapshot
from ruleparse.spec import SpecError
from ruleparse.text import Diagnostic
from ruleparse.whereabouts import Whereabouts
from ruleparse.why import Answer, Outcome, why
from ruleparse.why_bridge import BridgeAnswer, BridgeOutcome, why_bridge

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
    shown: Answer | BridgeAnswer | None = None

    @property
    def passed(self) -> bool:
        return self.status == "holds" or (self.status == "unknown" and self.placed.expectation.assuming)


def judge(snapshot: Snapshot, expectations: Sequence[Placed]) -> list[Judged]:
    """Raises BadExpectations for packets that make no sense, and names that nothing knows."""
    where = Whereabouts(snapshot)
    return [_judge(snapshot, where, placed) for placed in expectations]


def _judge(snapshot: Snapshot, where: Whereabouts, placed: Placed) -> Judged:
    expectation = placed.expectation
    expected = spelled_out(where, expectation.expect, placed.place("expect"))
    if expectation.of_a_bridge:
        return _in_bridge(snapshot, placed, expected)
    found = [_of_packets(snapshot, placed, spec, expected) for spec in cases(where, placed)]
    worst = next((one for status in ("fails", "unknown") for one in found if one.status == status), found[0])
    unmet = sum(one.status == worst.status for one in found)
    if worst.status == "holds" or len(found) == 1:
        return worst
    words = f"{unmet} of {len(found)} pairs of ends are not as expected, this one among them"
    return replace(worst, because=(words, *worst.because))


def _of_packets(snapshot: Snapshot, placed: Placed, spec: Spec, expected: Expected) -> Judged:
    try:
        answer = why(snapshot, spec)
    except SpecError as error:
        raise BadExpectations([Diagnostic("expectations", "error", str(error), placed.place("packet"))]) from None
    except MemoryError:
        return Judged(placed, "unknown", ("there are too many packets to tell apart; ask about fewer unknown fields",))
    verdicts = [(o, obeys(o, expected)) for o in answer.outcomes]
    wrong = [o for o, obeyed in verdicts if obeyed is False]
    if wrong:
        return _not_met(snapshot, placed, spec, expected, answer, wrong)
    if any(obeyed is None for _, obeyed in verdicts):
        return Judged(placed, "unknown", ("it does not leave for one place that could be compared",))
    if not answer.complete:
        return Judged(placed, "unknown", ("there are more fates than are told apart; say more about the packet",))
    return Judged(placed, "holds")


def _in_bridge(snapshot: Snapshot, placed: Placed, expected: Expected) -> Judged:
    """Of one packet in a bridge: every fate that it may have."""
    try:
        answer = why_bridge(snapshot, placed.expectation.packet)
    except SpecError as error:
        raise BadExpectations([Diagnostic("expectations", "error", str(error), placed.place("packet"))]) from None
    wrong = [o for o in answer.outcomes if not obeys_in_bridge(o, expected)]
    if not wrong and answer.complete:
        return Judged(placed, "holds")
    unsettled = open_questions(answer.outcomes)
    certain = [o for o in wrong if not any(a.question in unsettled for a in o.assumptions)]
    status: Status = "fails" if certain or len(wrong) == len(answer.outcomes) else "unknown"
    return Judged(placed, status, (), placed.expectation.packet, replace(answer, outcomes=wrong or answer.outcomes))


def obeys_in_bridge(outcome: BridgeOutcome, expected: Expected) -> bool:
    """Whether a packet in a bridge has a fate; of several copies each has to."""
    if expected.never is not None:
        return not obeys_in_bridge(outcome, expected.never)
    if outcome.verdict != (expected.verdict or "accept"):
        return False
    by = all(expected.out in (str(e.port), e.name) for e in outcome.egress) if expected.out else True
    there = (
        all(any(_is_place(e.packet, place) for place in expected.to) for e in outcome.egress) if expected.to else True
    )
    return by and there


def _not_met(
    snapshot: Snapshot, placed: Placed, spec: Spec, expected: Expected, answer: Answer, wrong: Sequence[Outcome]
) -> Judged:
    unsettled = open_questions(answer.outcomes)
    certain = [o for o in wrong if not any(a.question in unsettled for a in o.assumptions)]
    all_wrong = answer.complete and len(wrong) == len(answer.outcomes)
    shown = (certain or list(wrong))[0]
    witness = {**spec, **_some_packet(spec, shown)}
    walked = _walked(snapshot, witness, expected)
    if certain or all_wrong:
        return Judged(placed, "fails", (), witness, walked)
    asked = {a.question: a for o in wrong for a in o.assumptions if a.question in unsettled}
    words = tuple(f"if “{a.question}” is {_yes(a.answer)}{_by(a.settle)}" for a in asked.values())
    return Judged(placed, "unknown", words, witness, walked)


def _yes(answer: bool) -> str:
    return "true" if answer else "not true"


def _by(settle: str) -> str:
    return f" (to settle it, save `{settle}`)" if settle else ""


def open_questions(outcomes: Sequence[Outcome | BridgeOutcome]) -> set[str]:
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
