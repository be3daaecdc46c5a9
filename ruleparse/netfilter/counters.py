"""What `iptables-save -c` counted: packets and octets of each rule and policy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ruleparse.netfilter.save import Ruleset, rule_lines
from ruleparse.text import Span

_OF_RULE = re.compile(r"\[(\d+):(\d+)\][ \t]+(?=-A |--append )")
_OF_POLICY = re.compile(r"\[(\d+):(\d+)\]\s*\Z")

Key = tuple[str, str, str, str, int]
"""flavour, table, chain, the rule's words (empty for the policy), and which of those with the same words."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A rule, the policy being rule 0, and what it counted."""

    key: Key
    number: int
    packets: int
    octets: int
    span: Span


def counted(ruleset: Ruleset) -> Iterator[Counted]:
    """Everything in a ruleset that has counters."""
    for table in ruleset.tables.values():
        for chain in table.chains.values():
            where = (ruleset.flavour, table.name, chain.name)
            place = chain.span
            if place is not None and chain.policy is not None and (found := _OF_POLICY.search(place.text)):
                yield Counted((*where, "", 0), 0, int(found[1]), int(found[2]), place)
            seen: Counter[str] = Counter()
            spans = (span for stretch in chain.rules for span in rule_lines(stretch))
            for number, span in enumerate(spans, 1):
                text = span.text
                if found := _OF_RULE.match(text):
                    words = text[found.end() :].rstrip()
                    yield Counted((*where, words, seen[words]), number, int(found[1]), int(found[2]), span)
                    seen[words] += 1
