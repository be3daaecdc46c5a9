"""Where in a JSON text a value stands. json itself does not say; this asks it where each part ends."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

Path = Sequence[str | int]

_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def place(text: str, at: int, path: Path) -> tuple[int, int]:
    """Where the value at `path` starts and ends, in the document that starts at `at`; of one that is not there the
    nearest around it. The text is JSON.
    """
    at = _skip(text, at)
    for step in path:
        inner = _member(text, at, step) if isinstance(step, str) else _item(text, at, step)
        if inner is None:
            break
        at = inner
    _, end = _DECODER.raw_decode(text, at)
    line_end = text.find("\n", at, end)
    return at, end if line_end < 0 else line_end


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    assert found is not None
    return found.end()


def _member(text: str, at: int, name: str) -> int | None:
    """Where the value of a key starts; of a key that stands there twice the last, as json takes it."""
    found: int | None = None
    if text[at] != "{":
        return None
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        found = at if key == name else found
        at = _behind(text, at)
    return found


def _item(text: str, at: int, index: int) -> int | None:
    if text[at] != "[":
        return None
    at = _skip(text, at + 1)
    for _ in range(index):
        if text[at] == "]":
            return None
        at = _behind(text, at)
    return None if text[at] == "]" else at


def _behind(text: str, at: int) -> int:
    """Where the next member or item starts, or the bracket that ends them."""
    _, at = _DECODER.raw_decode(text, at)
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at
