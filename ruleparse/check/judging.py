"""Whether a node's rules meet an expectation: every packet of the set it speaks of is walked, all at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ruleparse.check.cases import Spec, cases, spelled_out
from ruleparse.check.fates import AnyAnswer, AnyOutcome, obeys
from ruleparse.check.model import Expected
from ruleparse.check.reading import BadExpectations, Placed
from ruleparse.journey import why_node
from ruleparse.snapshot import Snapshot
from ruleparse.spec import SpecError
from ruleparse.text import Diagnostic
from ruleparse.whereabouts import Whereabouts
from ruleparse.why_bridge import BridgeOutcome

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
    shown: AnyAnswer | None = None

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
    specs = [expectation.packet] if expectation.of_a_bridge else cases(where, placed)
    found = [_of_packets(snapshot, placed, spec, expected) for spec in specs]
    worst = next((one for status in ("fails", "unknown") for one in found if one.status == status), found[0])
    unmet = sum(one.status == worst.status for one in found)
    if worst.status == "holds" or len(found) == 1:
        return worst
    words = f"{unmet} of {len(found)} pairs of ends are not as expected, this one among them"
    return replace(worst, because=(words, *worst.because))


def _of_packets(snapshot: Snapshot, placed: Placed, spec: Spec, expected: Expected) -> Judged:
    try:
        answer = why_node(snapshot, spec)
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
    if (taken := source_port_taken(answer)) is not None:
        return Judged(placed, "unknown", (f"in bridges only one packet was walked: {taken}; say which, in `packet`",))
    return Judged(placed, "holds")


def source_port_taken(answer: AnyAnswer) -> str | None:
    """What a walk through a bridge took for the source port, if nobody said one."""
    questions = (a.question for o in answer.outcomes for a in o.assumptions)
    return next((question for question in questions if question.endswith("(--sport)")), None)


def _not_met(
    snapshot: Snapshot, placed: Placed, spec: Spec, expected: Expected, answer: AnyAnswer, wrong: Sequence[AnyOutcome]
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


def open_questions(outcomes: Sequence[AnyOutcome]) -> set[str]:
    """Questions that one outcome answers otherwise than another; the rest are presumed."""
    answers = {(a.question, a.answer) for o in outcomes for a in o.assumptions}
    return {question for question, answer in answers if (question, not answer) in answers}


# A witness


def _some_packet(asked: Mapping[str, Any], outcome: AnyOutcome) -> Mapping[str, str]:
    """One packet of those that go this way, as far as it can be told from what an answer says of them."""
    when = None if isinstance(outcome, BridgeOutcome) else outcome.when
    row = when[0] if when else {}
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


def _walked(snapshot: Snapshot, witness: Mapping[str, Any], expected: Expected) -> AnyAnswer | None:
    try:
        answer = why_node(snapshot, witness)
    except (SpecError, MemoryError):
        return None
    wrong: Any = [outcome for outcome in answer.outcomes if obeys(outcome, expected) is False]
    return replace(answer, outcomes=wrong) if wrong else answer
