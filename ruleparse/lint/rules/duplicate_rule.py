"""The same rule stands twice in a row.

Why: the second does nothing that the first did not, or it undoes it (`--xor-mark`), or it does twice what should be
done once (a log line, a counter). Programs whose check for an existing rule fails add one more copy each time, until
there are thousands and every packet walks them.

Fix: delete the copies (`iptables -D` with the rule's own words); update iptables 1.8.1 or 1.8.2, whose `-C` was wrong.

Sure: certain that the text is the same. Rules that are meant to be asked again (limits, counts, random choices) are
left alone, and those of which somebody blacked out what tells them apart (XX:XX:…).

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
from collections.abc import Iterator
from itertools import groupby

from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Rules
from ruleparse.netfilter.save import rule_lines

_COUNTERS = re.compile(r"\[\d+:\d+\]\s*")
_ASKED_AGAIN = re.compile(r" -m (?:statistic|limit|hashlimit|quota|recent|connlimit|rateest|u32|string) ")

_BLACKED_OUT = re.compile(r"\bx{1,3}(?:[.:]x{1,3})+\b", re.IGNORECASE)


def find(rules: Rules) -> Iterator[Finding]:
    for table, chain in rules.chains():
        spans = [span for stretch in table.chains[chain].rules for span in rule_lines(stretch)]
        for text, group in groupby(spans, lambda span: _COUNTERS.sub("", span.text).strip()):
            first, *copies = group
            if copies and not _ASKED_AGAIN.search(text) and not _BLACKED_OUT.search(text):
                times = "twice" if len(copies) == 1 else f"{len(copies) + 1} times"
                message = f"this rule stands in {table.name} {chain} {times} in a row"
                yield error(message, copies[0], Related(first, "the first of them"))


RULE = LintRule("duplicate-rule", "warning", find)
