"""Whose counters moved between two dumps of one node, and which packets they count.

Rules are the same if chain and words are, wherever they stand. What a rule counts follows from a walk of all packets
that start a connection through the node as it is after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.netfilter.counters import Counted, Key, counted
from ruleparse.query.host import Asking, question_of, with_room
from ruleparse.sets.readable import Row
from ruleparse.snapshot import Snapshot
from ruleparse.why import Place

MOST_REACHED = 20
"""Rules, those that counted most, whose packets are told."""
_MOST_RULES = 5_000
"""In dumps with more, packets are told only where somebody says more of them than nothing."""
_TOO_MANY = (
    f"what rules count is left out: with more than {_MOST_RULES:,} rules, say more of the packets (--dst, --in …)"
)
_NO_ROOM = "what rules count is left out: these packets have too many fates to tell apart"


@dataclass(frozen=True, slots=True)
class Counts:
    """Packets of a description that a rule may count: all if `when` is None, none that starts a connection if empty."""

    local: bool
    when: Sequence[Row] | None
    when_cut: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """A rule whose counters moved, at its place after; by what they are now if they are `reset` to less than before."""

    place: Place
    family: int
    packets: int
    octets: int
    reset: bool
    counts: Sequence[Counts] | None = None
    """of packets that come in, and of those that the node sends; None if it is not told"""


@dataclass(frozen=True, slots=True)
class Counters:
    """Rules whose counters moved, those that counted most packets first. `notes` say what is left out and why."""

    moved: Sequence[Moved]
    notes: Sequence[str]


def counters(before: Snapshot, after: Snapshot, families: Sequence[int], spec: Mapping[str, Any]) -> Counters | None:
    """What was counted between two dumps; None if one has no counters but those of policies, which every dump has.

    Raises SpecError.
    """
    sides = [[_counted(side, family) for family in families] for side in (before, after)]
    if not all(any(one.number for found in side for one in found.values()) for side in sides):
        return None
    moved: list[Moved] = []
    notes: list[str] = []
    for family, old, new in zip(families, *sides, strict=True):
        moved += [_moved(old[key], one, family) for key, one in new.items() if key in old and _differ(old[key], one)]
        notes += _unpaired(old, new)
    moved.sort(key=lambda m: (-m.packets, m.place.table, m.place.chain, m.place.rule))
    if any(m.reset for m in moved):
        notes.insert(0, "some counters are less than before: they were reset, and count since then")
    told, more = _told(after, moved, families, spec)
    return Counters(told, [*notes, *more])


def _counted(snapshot: Snapshot, family: int) -> dict[Key, Counted]:
    return {one.key: one for ruleset in snapshot.rulesets(family) for one in counted(ruleset)}


def _differ(one: Counted, other: Counted) -> bool:
    return (one.packets, one.octets) != (other.packets, other.octets)


def _moved(old: Counted, new: Counted, family: int) -> Moved:
    reset = new.packets < old.packets or new.octets < old.octets
    base = (0, 0) if reset else (old.packets, old.octets)
    flavour, table, chain, *_ = new.key
    span = new.span
    place = Place(span.source.name, span.line, table, chain, new.number, span.text, span, flavour)
    return Moved(place, family, new.packets - base[0], new.octets - base[1], reset)


def _unpaired(old: Mapping[Key, Counted], new: Mapping[Key, Counted]) -> Iterator[str]:
    for what, keys, side in (("gone", old.keys() - new.keys(), old), ("new", new.keys() - old.keys(), new)):
        if those := [key for key in keys if side[key].packets]:
            count = len(those)
            yield f"{count} rule{'s' if count > 1 else ''} that counted packets {'are' if count > 1 else 'is'} {what}"


# Which packets


def _told(
    after: Snapshot, moved: Sequence[Moved], families: Sequence[int], spec: Mapping[str, Any]
) -> tuple[list[Moved], list[str]]:
    told, others = list(moved[:MOST_REACHED]), list(moved[MOST_REACHED:])
    if not told:
        return [], []
    said = {key for key in spec if key != "family"}
    if not said and any(_rules_of(after, family) > _MOST_RULES for family in families):
        return list(moved), [_TOO_MANY]
    try:
        for family in families:
            mine = [m for m in told if m.family == family]
            counts = partial(_counts, after, {**spec, "family": family}, mine)
            found = with_room(counts, [after]) if mine else {}
            told = [replace(m, counts=found[_where(m)]) if m.family == family else m for m in told]
    except (MemoryError, RecursionError):
        return list(moved), [_NO_ROOM]
    return [*told, *others], []


def _rules_of(snapshot: Snapshot, family: int) -> int:
    texts = {ruleset.source.text for ruleset in snapshot.rulesets(family)}
    return sum(text.count("-A ") for text in texts)


Where = tuple[int, int]
"""A rule by its text and where it stands in it."""


def _where(m: Moved) -> Where:
    return id(m.place.span.source), m.place.span.start


def _counts(after: Snapshot, spec: dict[str, Any], moved: Sequence[Moved], nodes: int) -> dict[Where, list[Counts]]:
    found: dict[Where, list[Counts]] = {_where(m): [] for m in moved}
    for ways in ({**spec, "local": True} if local else spec for local in _ways(spec)):
        asking = Asking(after, ways, question_of([after], ways, nodes), [after])
        hit: dict[Where, Bool] = dict.fromkeys(found, False)
        for one in asking.walk(asking.question.reach).hits:
            span = one.rule.span
            where = (id(span.source), span.start) if span is not None and one.rule.number is not None else None
            if where in hit:
                hit[where] = bits.either(hit[where], one.when)
        for where, when in hit.items():
            if (counts := _in_words(asking, when)) is not None:
                found[where].append(counts)
    return found


def _ways(spec: Mapping[str, Any]) -> tuple[bool, ...]:
    """Packets that come in, and packets that the node sends, unless somebody said which."""
    return (bool(spec.get("local")),) if spec.get("in") or spec.get("local") else (False, True)


def _in_words(asking: Asking, when: Bool) -> Counts | None:
    """None if there is no such packet."""
    region = asking.unknowns.whatever_the_answers(asking.unknowns.whatever_is_made_up(when))
    if region is False:
        return None
    rows = asking.rows(region)
    return Counts(asking.question.local, None if rows is None else rows[0], rows is not None and rows[1])
