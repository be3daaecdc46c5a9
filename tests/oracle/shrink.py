"""Smaller rulesets with the same trouble."""

from __future__ import annotations

import re
import time
from collections.abc import Callable


def shrink(dump: str, still_wrong: Callable[[str], bool], seconds: float) -> str:
    """Deletes rules, many at a time, then fewer, while the trouble stays; then chains and tables that nobody needs."""
    lines, deadline = dump.splitlines(), time.monotonic() + seconds
    size = max(1, _count(lines) // 2)
    while size and time.monotonic() < deadline:
        lines = _delete_by(size, lines, still_wrong, deadline)
        size //= 2
    tidy = _without_unused_chains(lines)
    return _text(tidy) if tidy != lines and still_wrong(_text(tidy)) else _text(lines)


def _delete_by(size: int, lines: list[str], still_wrong: Callable[[str], bool], deadline: float) -> list[str]:
    at = 0
    while at < _count(lines) and time.monotonic() < deadline:
        fewer = _without_rules(lines, at, at + size)
        if still_wrong(_text(fewer)):
            lines = fewer
        else:
            at += size
    return lines


def _count(lines: list[str]) -> int:
    return sum(_is_rule(line) for line in lines)


def _is_rule(line: str) -> bool:
    return line.startswith("-A ")


def _without_rules(lines: list[str], first: int, end: int) -> list[str]:
    kept, number = [], 0
    for line in lines:
        if not _is_rule(line) or not first <= number < end:
            kept.append(line)
        number += _is_rule(line)
    return kept


def _without_unused_chains(lines: list[str]) -> list[str]:
    tables = re.split(r"^(?=\*)", _text(lines), flags=re.MULTILINE)
    kept = [_tidied(table) for table in tables if not table.startswith("*") or "-A " in table or " DROP [" in table]
    return "".join(kept).splitlines()


def _tidied(table: str) -> str:
    words = {word for line in table.splitlines() if _is_rule(line) for word in line.split()}
    return "".join(
        line + "\n"
        for line in table.splitlines()
        if not (line.startswith(":") and line.split()[1] == "-" and line[1:].split()[0] not in words)
    )


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
