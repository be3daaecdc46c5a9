"""The same rule stands twice in a row, or many times in one chain.

Why: the second does nothing that the first did not, or it undoes it (`--xor-mark`), or it does twice what should be
done once (a log line, a counter). Programs whose check for an existing rule fails add one more copy each time, until
there are thousands and every packet walks them.

Fix: delete the copies (`iptables -D` with the rule's own words); update iptables 1.8.1 or 1.8.2, whose `-C` was wrong.

Sure: certain that the text is the same. Rules that are meant to be asked again (limits, counts, random choices) are
left alone, and those of which somebody blacked out what tells them apart (XX:XX:…). Not in a row, five of them or more
are told.

Example:

    *filter
    :INPUT ACCEPT [0:0]
    :KUBE-FIREWALL - [0:0]
    -A INPUT -j KUBE-FIREWALL
    # here
    -A INPUT -j KUBE-FIREWALL
    -A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
    COMMIT
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Rules
from ruleparse.netfilter.save import rule_lines
from ruleparse.text import Span

_COUNTERS = re.compile(r"\[\d+:\d+\]\s*")
_ASKED_AGAIN = re.compile(r" -m (?:statistic|limit|hashlimit|quota|recent|connlimit|rateest|u32|string) ")

_BLACKED_OUT = re.compile(r"\bx{1,3}(?:[.:]x{1,3})+\b", re.IGNORECASE)
_AFTER_EACH = re.compile(r" -m (?:mark|connmark|set|dscp|tos) .* -j RETURN$")
"""What stands behind each rule of a policy: whether that one marked the packet."""
_MANY = 5
"""Copies that are no coincidence."""


def find(rules: Rules) -> Iterator[Finding]:
    for table, chain in rules.chains():
        spans = [span for stretch in table.chains[chain].rules for span in rule_lines(stretch)]
        alike = [(text, list(group)) for text, group in groupby(spans, _words) if _counts(text)]
        told = set()
        for text, (first, *copies) in alike:
            if copies:
                told.add(text)
                times = "twice" if len(copies) == 1 else f"{len(copies) + 1} times"
                message = f"this rule stands in {table.name} {chain} {times} in a row"
                yield error(message, copies[0], Related(first, "the first of them"))
        for text, many in Counter(text for text, _ in alike).items() if len(alike) >= _MANY else ():
            if many >= _MANY and text not in told and not _AFTER_EACH.search(text):
                first, second, *_ = (group[0] for same, group in alike if same == text)
                message = f"this rule stands in {table.name} {chain} {many} times"
                yield error(message, second, Related(first, "the first of them"))


def _words(span: Span) -> str:
    return _COUNTERS.sub("", span.text).strip()


def _counts(text: str) -> bool:
    """Whether the same text means the same rule, that does nothing more the second time."""
    return not _ASKED_AGAIN.search(text) and not _BLACKED_OUT.search(text)


RULE = LintRule("duplicate-rule", "warning", find)
