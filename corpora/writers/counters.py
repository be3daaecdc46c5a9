"""Counters that fit together: what a jump sends into a chain is what the chain's rules share out."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

FINAL_TARGETS = frozenset(("ACCEPT", "DROP", "REJECT", "DNAT", "SNAT", "MASQUERADE", "REDIRECT"))
_TARGET = re.compile(r"(?:^| )-([jg]) (\S+)")
_COMMENT = re.compile(r'-m comment --comment (?:"(?:\\.|[^"\\])*"|\S+) ?')


class Traffic:
    """Packets that a table would have counted; the same on every run."""

    def __init__(self, table: str, chains: dict[str, list[str]], built_in: tuple[str, ...]) -> None:
        self._table = table
        self._chains = chains
        self._rules: Counter[tuple[str, int]] = Counter()
        self._policies = {chain: self._walk(chain, self._draw(chain) % 9000 + 1000) for chain in built_in}

    def rule(self, chain: str, index: int) -> str:
        return self._text(f"{chain} {index}", self._rules[chain, index])

    def policy(self, chain: str) -> str:
        return self._text(chain, self._policies[chain])

    def _text(self, seed: str, packets: int) -> str:
        return f"{packets}:{packets * (60 + self._draw(seed) % 700)}"

    def _draw(self, seed: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{self._table} {seed}".encode()).digest()[:6], "big")

    def _walk(self, chain: str, packets: int) -> int:
        """Send packets through a chain; return how many come back to its caller."""
        returned = 0
        for index, text in enumerate(self._chains[chain]):
            matched = self._share(f"{chain} {text}", text, packets)
            self._rules[chain, index] += matched
            how, target = self._target(text)
            back = self._walk(target, matched) if target in self._chains else 0
            if target in FINAL_TARGETS:
                packets -= matched
            elif target == "RETURN" or how == "g":
                packets, returned = packets - matched, returned + (back if how == "g" else matched)
            elif target in self._chains:
                packets += back - matched
        return packets + returned

    def _share(self, seed: str, text: str, packets: int) -> int:
        if _COMMENT.sub("", text).startswith(("-j ", "-g ")):
            return packets
        draw = self._draw(seed)
        return 0 if draw % 3 == 0 else packets * (draw // 3 % 60) // 100

    def _target(self, text: str) -> tuple[str, str]:
        found = _TARGET.search(_COMMENT.sub("", text))
        return (found[1], found[2]) if found else ("", "")
