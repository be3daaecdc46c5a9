"""What a protocol makes of one more packet of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Judgement = Literal["valid", "invalid", "last", "anew"]
"""valid: it belongs to the connection. invalid: it does not fit, and has none. last: it fits, and the connection is
gone behind it. anew: the old connection is gone, and this packet starts another."""


@dataclass(frozen=True, slots=True)
class Judged:
    """`progress` is how far the connection has come with this packet."""

    judgement: Judgement
    progress: Any
    assured: bool = False
    counted: bool = True
    """whether the connection's packet counters count it"""


ORIGINAL, REPLY = 0, 1
