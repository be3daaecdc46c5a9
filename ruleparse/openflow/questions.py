"""Tests that only the running switch can answer."""

from __future__ import annotations

from typing import Any

from ruleparse.codec import Codec
from ruleparse.packet import Assumption
from ruleparse.program import Key, Test


def _ask(question: Assumption, _packet: Any, world: Any) -> Any:
    return world.ask(question, world.way)


_ASKED = Key(("?",), Codec("question", str), _ask)


def unsettled(question: Assumption, *, negated: bool = False) -> Test:
    """Whether the answer is yes; asked anew wherever the packet comes by another way."""
    return Test(_ASKED, question, negated)
