"""No packet can fit a rule: its own conditions contradict each other.

Why: the rule does nothing, and somebody believes that it does. A typing error in a mark or a port is typical, or
`-i` in a chain that only packets of the node itself enter.

Fix: read the conditions again; delete the rule if it is not needed.

Sure: certain: no value of any field makes all conditions hold, with connection states and interfaces as they can be
where the chain is called. Sets and routes are left out of it: what is empty now may be filled later.

Example:

    *filter
    :FORWARD ACCEPT [0:0]
    # here
    -A FORWARD -p tcp -m tcp --dport 80 -m multiport --dports 443,8443 -j ACCEPT
    COMMIT
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ruleparse.bits import Number
from ruleparse.cni.saved import Here
from ruleparse.lint.conditions import Conditions, elsewhere
from ruleparse.lint.finding import Finding, LintRule, error
from ruleparse.lint.ruleset import Chains, Rules
from ruleparse.program import Rule, Test

_CHANGING = re.compile(r"set|setting|rp_filter|own source|way back|.* (type|group)").fullmatch
"""Tests of what the node is like at the moment."""

Kind = tuple[object, ...]


def find(rules: Rules) -> Iterator[Finding]:
    search = _Search(rules)
    for table, chain in rules.chains():
        yield from search.chain(table, chain)


class _Search:
    """Looks into one rule of each shape, and into all of a shape whose options speak of the same field."""

    def __init__(self, rules: Rules) -> None:
        self.conditions = Conditions(rules)
        self.harmless: set[Kind] = set()

    def chain(self, table: Chains, chain: str) -> Iterator[Finding]:
        given = elsewhere(table, chain)
        kinds = {here.number: (here.words.shape.patterns, *given) for here in table.rules(chain)}
        if self.harmless.issuperset(kinds.values()):
            return
        for here, lowered in self.conditions.lowered(table, chain):
            kind, tested = kinds[here.number], [lasting(rule) for rule in lowered]
            if kind in self.harmless:
                continue
            if self.conditions.of(tested, given).when is False:
                yield contradiction(here)
            elif not self.could_contradict(tested, given):
                self.harmless.add(kind)

    def could_contradict(self, tested: list[Rule], given: Mapping[str, Number]) -> bool:
        """Whether two tests look at the same field; a protocol is part of the shape."""
        looked_at = Counter[str]()
        for rule in tested:
            for test in rule.tests:
                reads = self.conditions.of([replace(rule, tests=(test,))], given).reads
                looked_at.update(reads - {"proto"})
        return any(times > len(tested) for times in looked_at.values())


def lasting(rule: Rule) -> Rule:
    """A rule without what changes while it stays the same."""
    return replace(rule, tests=tuple(t for t in rule.tests if not (isinstance(t, Test) and _changes(t))))


def _changes(test: Test) -> bool:
    return any(map(_CHANGING, test.key.names))


def contradiction(here: Here) -> Finding:
    where = f"{here.table.group} {here.chain}"
    return error(f"no packet can fit this rule of {where}: its conditions contradict each other", here.words.span)


RULE = LintRule("never-matches", "warning", find)
