"""The index of one `*table` section whose lines are as iptables-save writes them, cut by a few calls that run in C.

Anything out of the ordinary - a comment amid the rules, another command, a quote that a newline does not end - and the
section is left to the careful reader, which takes the grammar's word line by line.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import NamedTuple

_CHAIN = re.compile(r":(\S+) (ACCEPT|DROP|-)(?: \[\d+:\d+\])?\n")
_CHAINS = re.compile(r"(?::\S+ (?:ACCEPT|DROP|-)(?: \[\d+:\d+\])?\n)*")
_COUNTED = re.compile(r"\n(?:\[\d+:\d+\] )-A ")
_OPEN_QUOTE = re.compile(r'[^"]*(?:"(?:[^"\\]|\\.)*"[^"]*)*\Z', re.S)


class Section(NamedTuple):
    """Chains: name, policy (`-` for a user chain), start, end of their lines. Runs: chain, start, end of its rules."""

    chains: list[tuple[str, str, int, int]]
    runs: list[tuple[str, int, int]]
    end: int
    """where `COMMIT` starts"""


def section(text: str, start: int) -> Section | None:
    """The section whose first line after `*table` is at `start`; None if it is not plain."""
    end = text.find("\nCOMMIT\n", start - 1)
    if end < 0:
        return None
    chains = [(m[1], m[2], m.start(), m.end() - 1) for m in _CHAIN.finditer(text, start, end + 1)]
    rules_start = _CHAINS.match(text, start, end + 1).end()  # type: ignore[union-attr]
    if len({c[0] for c in chains}) != len(chains) or (chains and chains[-1][3] + 1 != rules_start):
        return None
    runs = _runs(text, rules_start, end)
    return None if runs is None else Section(chains, runs, end + 1)


def _runs(text: str, start: int, end: int) -> list[tuple[str, int, int]] | None:
    if start >= end:
        return []
    body = "\n" + text[start:end]
    rules = body.split("\n-A ")
    if rules[0]:
        return None if not body.startswith("\n[") else _counted_runs(body, start)
    if not _plain(rules):
        return None
    ends = accumulate((len(rule) + 4 for rule in rules[1:]), initial=start - 1)
    return _joined([rule[: rule.find(" ")] if " " in rule else rule for rule in rules[1:]], list(ends))


def _counted_runs(body: str, start: int) -> list[tuple[str, int, int]] | None:
    """Rules with counters before them (`iptables-save -c`)."""
    places = [m.start() for m in _COUNTED.finditer(body)]
    rules = _COUNTED.split(body)
    if rules[0] or not _plain(rules):
        return None
    ends = [start - 1 + place for place in (*places, len(body))]
    return _joined([rule[: rule.find(" ")] if " " in rule else rule for rule in rules[1:]], ends)


def _plain(rules: list[str]) -> bool:
    """Whether each is one whole line: no newline, no carriage return, no quote left open."""
    return not any(
        "\n" in rule
        or "\r" in rule
        or "\t" in rule
        or (rule.count('"') % 2 if "\\" not in rule else _OPEN_QUOTE.match(rule) is None)
        for rule in rules
    )


def _joined(names: list[str], ends: list[int]) -> list[tuple[str, int, int]]:
    """Rules in a row that are of one chain, as one stretch; `ends[i]` is the newline before rule i."""
    runs: list[tuple[str, int, int]] = []
    first, last = 0, ""
    for index, name in enumerate(names):
        if name != last:
            if index:
                runs.append((last, ends[first] + 1, ends[index]))
            first, last = index, name
    if names:
        runs.append((last, ends[first] + 1, ends[-1]))
    return runs
