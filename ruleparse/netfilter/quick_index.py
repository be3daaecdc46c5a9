"""The index of one `*table` section whose lines are as iptables-save writes them, cut by a few calls that run in C.

Anything out of the ordinary - a comment amid the rules, another command, a quote that a newline does not end - and the
section is left to the careful reader, which takes the grammar's word line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_CHAIN = re.compile(r":(\S+) (ACCEPT|DROP|-)(?: \[\d+:\d+\])?\n")
_RUN = re.compile(r"-A ([^ \n]+)[^\n]*\n(?>(?:-A \1 [^\n]*\n)*)")
"""Rules in a row that are of one chain."""
_COUNTED_RUN = re.compile(r"\[\d+:\d+\] -A ([^ \n]+)[^\n]*\n(?>(?:\[\d+:\d+\] -A \1 [^\n]*\n)*)")
"""The same as `iptables-save -c` writes them."""

_CLOSED_QUOTES = re.compile(r'(?>(?:[^"]++|"[^"\\\n]*+(?>(?:\\.[^"\\\n]*+)*)")*)')
_BLOCK = 1 << 18


class Section(NamedTuple):
    """Chains: name, policy (`-` for a user chain), start, end of their lines. Runs: chain, start, end of its rules."""

    chains: list[tuple[str, str, int, int]]
    runs: list[tuple[str, int, int]]
    end: int
    """where `COMMIT` starts"""


def section(text: str, start: int) -> Section | None:
    """The section whose first line after `*table` is at `start`; None if it is not plain."""
    end = text.find("\nCOMMIT\n", start - 1) + 1
    if end <= 0:
        return None
    rules = text.find("\n-A ", start - 1, end) + 1 or text.find("\n[", start - 1, end) + 1 or end
    chains = [(m[1], m[2], m.start(), m.end() - 1) for m in _CHAIN.finditer(text, start, rules)]
    run = _COUNTED_RUN if text.startswith("[", rules) else _RUN
    runs = [(m[1], m.start(), m.end() - 1) for m in run.finditer(text, rules, end)]
    if len({c[0] for c in chains}) != len(chains) or not all(map(plain, _blocks(text, rules, end))):
        return None
    if _length(chains) != rules - start or _length(runs) != end - rules:
        return None
    return Section(chains, runs, end)


def _length(found: list[tuple[str, str, int, int]] | list[tuple[str, int, int]]) -> int:
    """Characters in lines that were found; fewer than there are if some are of another kind."""
    if not found:
        return 0
    *_, starts, ends = zip(*found, strict=True)
    total: int = sum(ends) - sum(starts) + len(found)
    return total


def _blocks(text: str, start: int, end: int) -> Iterator[str]:
    """Whole lines, a few thousand at a time: what is made of them stays small and its room is used again."""
    while start < end:
        stop = text.find("\n", min(start + _BLOCK, end - 1), end) + 1
        yield text[start:stop]
        start = stop


def plain(rules: str) -> bool:
    """Whether each is one whole line: no carriage return, no tab, no quote left open."""
    if "\r" in rules or "\t" in rules:
        return False
    if "\\" in rules:
        return _CLOSED_QUOTES.fullmatch(rules) is not None
    pieces = rules.split('"')
    return len(pieces) % 2 == 1 and "\n" not in "".join(pieces[1::2])
