"""Whether a fate is the one expected: by rules, in a bridge, or through both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ruleparse.check.model import Expected
from ruleparse.journey import WholeAnswer, WholeOutcome
from ruleparse.why import Answer, Outcome
from ruleparse.why_bridge import BridgeAnswer, BridgeOutcome

AnyAnswer: TypeAlias = Answer | BridgeAnswer | WholeAnswer
AnyOutcome: TypeAlias = Outcome | BridgeOutcome | WholeOutcome

End = tuple[frozenset[str] | None, Mapping[str, Any]]
"""What the place is called where a copy of the packet left (None: it is not known), and the copy."""


def obeys(outcome: AnyOutcome, expected: Expected) -> bool | None:
    """Whether all packets of an outcome, and all copies of each, have a fate; None if some may and others not."""
    if expected.never is not None:
        inner = obeys(outcome, expected.never)
        return None if inner is None else not inner
    if outcome.verdict != (expected.verdict or "accept"):
        return False
    return _all_of(part for end in _ends(outcome) for part in _parts(end, expected))


def _ends(outcome: AnyOutcome) -> Iterator[End]:
    if isinstance(outcome, Outcome):
        yield None if outcome.egress is None else frozenset({outcome.egress}), outcome.packet
        return
    for copy in outcome.egress if isinstance(outcome, BridgeOutcome) else outcome.ends:
        called = {copy.name, None if copy.port is None else str(copy.port)}
        yield frozenset(name for name in called if name is not None), copy.packet


def _parts(end: End, expected: Expected) -> Iterator[bool | None]:
    names, packet = end
    if expected.out is not None:
        yield None if names is None else expected.out in names
    if expected.to:
        yield _leaves_for(packet, expected.to)


def _all_of(parts: Iterable[bool | None]) -> bool | None:
    found = set(parts)
    return False if False in found else None if None in found else True


def _leaves_for(packet: Mapping[str, Any], places: Sequence[str]) -> bool | None:
    found = [_is_place(packet, place) for place in places]
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
