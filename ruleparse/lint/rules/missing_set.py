"""A rule asks about a set that is not among the saved ones.

Why: no kernel holds such a rule, so `ipset save` and `iptables-save` are of two moments, or the file was cut. After a
reboot iptables-restore refuses all rules, because a set has to be there first.

Fix: save both at one moment; have sets restored before rules.

Sure: it is certain that the set is not in the dumps, not why. Nothing is said where no sets were saved at all.

Example:

    *filter
    :INPUT ACCEPT [0:0]
    # here
    -A INPUT -m set --match-set blocked src -j DROP
    COMMIT
    # with another file of the node: create trusted hash:ip family inet hashsize 1024 maxelem 65536
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, error
from ruleparse.lint.ruleset import Rules

_NAMING = ("--match-set", "--set", "--add-set", "--del-set", "--map-set")


def find(rules: Rules) -> Iterator[Finding]:
    saved = rules.snapshot.sets
    if saved is None:
        return
    for _, here in rules.rules():
        for option in here.words.options:
            if option.name in _NAMING and len(option.words) > 1 and option.words[0] not in saved:
                message = f"set {option.words[0]} is not among the {len(saved)} sets that were saved"
                yield error(message, here.words.option_span(option))


RULE = LintRule("missing-set", "warning", find)
