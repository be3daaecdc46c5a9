"""Which versions of a program may have written what stands in a dump."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from ruleparse.cni.saved import SavedRules, SavedTable

Version = tuple[int, ...]

LOOKED_AT = 200
"""chains of one kind that are looked at for a sign"""


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that only versions `since` and `until` write: a chain (`*` at its end for any of this kind), or words
    in one of its rules."""

    group: str
    chain: str
    words: str = ""
    since: str = ""
    until: str = ""

    def seen(self, saved: SavedRules) -> bool:
        table = saved[self.group]
        return any(not self.words or re.search(self.words, table.text(chain)) for chain in self._chains(table))

    def _chains(self, table: SavedTable) -> Iterable[str]:
        if self.chain.endswith("*"):
            return islice(table.starting(self.chain.removesuffix("*")), LOOKED_AT)
        return [self.chain] if self.chain in table else []


def version_range(saved: SavedRules, signs: Iterable[Sign]) -> str:
    """`1.19 to 1.22`, `1.25 or later`, `1.16`; empty if nothing tells, or if the signs contradict each other."""
    seen = [sign for sign in signs if sign.seen(saved)]
    since = max((s.since for s in seen if s.since), key=number, default="")
    until = min((s.until for s in seen if s.until), key=number, default="")
    if since and until and number(since) > number(until):
        return ""
    match since, until:
        case "", "":
            return ""
        case _, "":
            return f"{since} or later"
        case "", _:
            return f"{until} or earlier"
    return since if since == until else f"{since} to {until}"


def number(version: str) -> Version:
    return tuple(map(int, version.split(".")))
