"""Tests whose outcome was worked out before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ruleparse.bits import Bool, both, either, negate
from ruleparse.codec import Codec
from ruleparse.packet import Assumption
from ruleparse.program import Key, Test


@dataclass(frozen=True, slots=True)
class Tied:
    """Packets for which it is a question, in part of the condition, whether it counts."""

    when: Bool
    asked: Bool
    question: Assumption


def _given(when: Bool, _packet: Any, _world: Any) -> Bool:
    return when


def _tied(tied: Tied, _packet: Any, world: Any) -> Bool:
    return both(tied.when, either(negate(tied.asked), world.ask(tied.question, None)))


_CONDITION = Key(("given",), Codec("condition", str), _given)
_TIED = Key(("given?",), Codec("condition", str), _tied)


def given(when: Bool) -> Test:
    """That the packet is one of these."""
    return Test(_CONDITION, when)


def given_if(when: Bool, asked: Bool, question: Assumption) -> Test:
    """That the packet is one of these; if it is one of those `asked` about, only if the answer is yes."""
    return Test(_TIED, Tied(when, asked, question)) if asked is not False else given(when)
