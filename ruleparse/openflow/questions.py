"""Tests that only the running switch can answer."""

from __future__ import annotations

from typing import Any

from ruleparse.codec import Codec
from ruleparse.packet import Assumption
from ruleparse.program import Key, Test


def _ask(question: Assumption, _packet: Any, world: Any) -> Any:
    return world.ask(question, world.way)


def _ask_once(question: Assumption, _packet: Any, world: Any) -> Any:
    return world.ask(question, None)


_ASKED = Key(("?",), Codec("question", str), _ask)
_ASKED_ONCE = Key(("?",), Codec("question", str), _ask_once)


def unsettled(question: Assumption, *, negated: bool = False) -> Test:
    """Whether the answer is yes; asked anew wherever the packet comes by another way."""
    return Test(_ASKED, question, negated)


def settled_for_all(question: Assumption) -> Test:
    """The same about a bridge, not about a packet: what it answers once it answers every time."""
    return Test(_ASKED_ONCE, question)
