"""The kernel's truth against an answer of `ruleparse why`."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.oracle.recording import Record

EXACT, UNKNOWN, WRONG, SILENT = "exact", "unknown", "wrong", "no answer"
_FIELDS = ("src", "dst", "sport", "dport", "ttl", "tos")


@dataclass(frozen=True, slots=True)
class Judgement:
    """`exact`: one outcome, the kernel's; `unknown`: the kernel's is among several or hangs on assumptions."""

    kind: str
    what: str = ""
    why: str = ""


def judge(packet: Record, answer: dict[str, Any] | None) -> Judgement:
    outcomes = (answer or {}).get("outcomes")
    if not outcomes:
        return Judgement(SILENT, "outcomes", "no outcomes")
    truths = [packet, *({**packet, **other} for other in packet.get("alts", ()))]
    best = Judgement(EXACT)
    for truth in truths:
        differences = [difference(truth, outcome) for outcome in outcomes]
        if None not in differences:
            return min(
                (found for found in differences if found), key=lambda found: _ORDER.index(found.what), default=best
            )
        best = best if _is_sure(outcomes) else Judgement(UNKNOWN)
    return best


def _is_sure(outcomes: list[dict[str, Any]]) -> bool:
    """Several outcomes are fine when only chance decides between them."""
    by_chance = all((outcome.get("probability") or 0) < 1 for outcome in outcomes) or len(outcomes) == 1
    return by_chance and not any(
        outcome.get("assumptions") or outcome.get("when") or _leaves_open(outcome) for outcome in outcomes
    )


def _leaves_open(outcome: dict[str, Any]) -> bool:
    return outcome["verdict"] == "accept" and None in (outcome.get("packet") or {}).values()


#: the later a difference shows, the closer the outcome was
_ORDER = ("hits", "by", "reject_with", "mark", *_FIELDS, "egress", "verdict")


def difference(truth: Record, outcome: dict[str, Any]) -> Judgement | None:
    """None when the outcome is what the kernel did, else the first thing that differs."""
    dropped = truth["verdict"] == "drop"
    if dropped != (outcome["verdict"] in ("drop", "reject")):
        return _wrong("verdict", f"{truth['verdict']} {truth.get('reason', '')}".strip(), outcome["verdict"])
    if outcome.get("assumptions") and not outcome.get("steps"):
        return None  # where it gets to is left open
    found = _drop_differs(truth, outcome) if dropped else _egress_differs(truth, outcome)
    return found or _hits_differ(truth, outcome)


def _drop_differs(truth: Record, outcome: dict[str, Any]) -> Judgement | None:
    decided = outcome.get("decided_by") or {}
    said = [decided.get("table"), decided.get("chain"), decided.get("rule")]
    if isinstance(truth["by"], list) and said != truth["by"]:
        return _wrong("by", truth["by"], said)
    if truth["by"] == "kernel" and decided.get("rule") is not None and not outcome.get("reason"):
        return None if said in [hit[:3] for hit in truth["hits"]] else _wrong("by", "kernel", said)
    kinds = [made["kind"] for made in truth.get("gen", ())]
    if kinds and outcome.get("reject_with") not in kinds:
        return _wrong("reject_with", kinds, outcome.get("reject_with"))
    return None


def _egress_differs(truth: Record, outcome: dict[str, Any]) -> Judgement | None:
    seen, said = truth["out"], outcome.get("packet") or {}
    if outcome.get("egress") != seen["at"]:
        return _wrong("egress", seen["at"], outcome.get("egress"))
    for field in _FIELDS:
        value = seen["f"].get(field)
        if value is not None and not _is_left_open(said, field) and _plain(said.get(field)) != _plain(value):
            return _wrong(field, value, said.get(field))
    mark = seen.get("mark", 0)
    same = _is_left_open(said, "mark") or int(said.get("mark") or 0) == mark
    return None if same else _wrong("mark", mark, said.get("mark"))


def _is_left_open(said: dict[str, Any], field: str) -> bool:
    """A number that nobody but the kernel knows."""
    return field in said and said[field] is None


def _plain(value: object) -> str:
    """There is more than one way to write an address."""
    text = str(value)
    return str(ipaddress.ip_address(text)) if ":" in text else text


def _hits_differ(truth: Record, outcome: dict[str, Any]) -> Judgement | None:
    hit: Counter[tuple[Any, ...]] = Counter()
    for *key, count in truth["hits"]:
        hit[tuple(key)] += count
    said = Counter(
        (step.get("table"), step.get("chain"), step.get("rule"))
        for step in outcome.get("steps", ())
        if step.get("table")
    )
    return None if hit == said else _wrong("hits", [*(hit - said)], [*(said - hit)])


def _wrong(what: str, kernel: object, ours: object) -> Judgement:
    if what == "hits":
        return Judgement(WRONG, what, f"rules hit that we miss: {kernel}, rules we add: {ours}")
    return Judgement(WRONG, what, f"{what}: the kernel says {kernel}, we say {ours}")


def suspects(packet: Record, answer: dict[str, Any] | None) -> list[tuple[str, str, int]]:
    """The rules that only one of both says were hit."""
    hit = Counter({tuple(key): count for *key, count in packet["hits"]})
    odd: set[Any] = set()
    for outcome in (answer or {}).get("outcomes") or ():
        said = Counter(
            (step.get("table"), step.get("chain"), step.get("rule"))
            for step in outcome.get("steps", ())
            if step.get("table")
        )
        odd |= set((hit - said) | (said - hit))
    return sorted(odd)
