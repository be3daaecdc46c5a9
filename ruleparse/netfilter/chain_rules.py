"""The rules of one chain, each lowered when somebody looks at it; a long chain has an index by destination.

KUBE-SERVICES of a large cluster holds tens of thousands of rules, all but one of which name another `-d` host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import overload

from ruleparse.codec import address
from ruleparse.netfilter.save import Chain, rule_lines
from ruleparse.packet import Packet
from ruleparse.program import Rule
from ruleparse.text import Span

LONG = 64
"""Rules from which on an index pays."""

_HOST = re.compile(r"(?:\[\d+:\d+\] )?-A [^\s]+ (?:(?:! )?-s [^\s\"]+ )?-d ([0-9a-f.:]+)/(?:32|128) ")
"""A rule that only packets to one host can match, as iptables-save prints it: nothing before -d could be in quotes."""

INDEXED_TABLES = frozenset({"nat", "filter", "raw"})
"""Tables in which a walk never goes on in a chain behind a rule that changed the destination."""

Lower = Callable[[Span, int], list[Rule]]


class ChainRules(Sequence[Rule]):
    """Rules in their order; several in a row may share a number."""

    def __init__(self, chain: Chain, lower: Lower) -> None:
        self._spans = [span for stretch in chain.rules for span in rule_lines(stretch)]
        self._lower = lower
        self._lowered: dict[int, list[Rule]] = {}
        self._by_host: dict[int, list[int]] | None = None
        self._others: list[int] = []

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Rule]:
        for index in range(len(self._spans)):
            yield from self._at(index)

    @overload
    def __getitem__(self, index: int) -> Rule: ...
    @overload
    def __getitem__(self, index: slice) -> list[Rule]: ...
    def __getitem__(self, index: int | slice) -> Rule | list[Rule]:
        return list(self)[index]

    @property
    def is_long(self) -> bool:
        return len(self._spans) >= LONG

    def for_packet(self, packet: Packet) -> Iterator[Rule]:
        """The rules that this packet could match, as far as its destination tells."""
        destination = packet.values.get("dst")
        if not isinstance(destination, int):
            yield from self
            return
        by_host = self._index()
        found = by_host.get(destination)
        for index in sorted(found + self._others) if found else self._others:
            yield from self._at(index)

    def _at(self, index: int) -> list[Rule]:
        if index not in self._lowered:
            self._lowered[index] = self._lower(self._spans[index], index + 1)
        return self._lowered[index]

    def _index(self) -> dict[int, list[int]]:
        if self._by_host is None:
            self._by_host = {}
            for index, span in enumerate(self._spans):
                host = host_of(span)
                (self._others if host is None else self._by_host.setdefault(host, [])).append(index)
        return self._by_host


def host_of(span: Span) -> int | None:
    """The one host to which the packets go that a rule can match, if its words say so at once."""
    found = _HOST.match(span.source.text, span.start, span.end)
    if found is None:
        return None
    try:
        return address(found[1])
    except ValueError:
        return None
