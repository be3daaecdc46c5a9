"""Rules above take every packet that a rule is for.

Why: the rule does nothing. Somebody believes that it lets through, refuses or counts something, and it does not.
Mostly a rule that ends the chain was put above it (a catch-all DROP, a wider ACCEPT), or it was appended too late.

Fix: delete the rule, or move it above those that take its packets.

Sure: certain: the packets that fit it were compared, as sets, with those that rules above take together, whatever
enters the chain. A note where the rules above do the same, so that nothing is lost. What chains that are called take is
not counted, nor rules whose condition others may have changed (a mark); of chains with more than 1000 rules, or whose
conditions are too much to compare, only rules behind an unconditional end are told.

Example:

    *filter
    :INPUT ACCEPT [0:0]
    -A INPUT -s 10.0.0.0/9 -j ACCEPT
    -A INPUT -s 10.128.0.0/9 -j DROP
    # here
    -A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j REJECT
    -A INPUT -s 192.0.2.0/24 -j DROP
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.cni.saved import Here
from ruleparse.lint.conditions import Condition, Conditions
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Chains, Rules, ends_chain, is_plain
from ruleparse.netfilter import registry

LONGEST = 1000
"""Rules of a chain that are compared with each other."""

_SHOWN = 5


def find(rules: Rules) -> Iterator[Finding]:
    conditions = Conditions(rules)
    for table, chain in rules.chains():
        here = table.rules(chain)
        if not any(ends_chain(rule, table) for rule in here[:-1]):
            continue
        if stop := next((rule for rule in here[:-1] if ends_chain(rule, table) and is_plain(rule)), None):
            yield _behind(stop, [rule for rule in here if rule.number > stop.number])
            here = tuple(rule for rule in here if rule.number <= stop.number)
        if 1 < len(here) <= LONGEST:
            try:
                yield from list(_shadowed(table, list(_until(conditions.of_chain(table, chain), stop))))
            except MemoryError:
                conditions = Conditions(rules)


def _until(found: Iterator[tuple[Here, Condition]], stop: Here | None) -> Iterator[tuple[Here, Condition]]:
    return ((here, condition) for here, condition in found if stop is None or here.number < stop.number)


def _behind(stop: Here, dead: list[Here]) -> Finding:
    what = f"this rule of {stop.table.group} {stop.chain} and {len(dead) - 1} behind it are never reached"
    if len(dead) == 1:
        what = f"this rule of {stop.table.group} {stop.chain} is never reached"
    return _as_it_matters(error(what, dead[0].words.span, Related(stop.words.span, "takes every packet")), dead, [stop])


def _as_it_matters(found: Finding, dead: Iterable[Here], shadows: Sequence[Here]) -> Finding:
    """A note where the rules above do the same."""
    same = {_does(here) for here in (*dead, *shadows)}
    return replace(found, severity="note") if len(same) == 1 else found


def _shadowed(table: Chains, rules: list[tuple[Here, Condition]]) -> Iterator[Finding]:
    taken: Bool = False
    takers: list[tuple[Here, Bool]] = []
    changed, read = False, 0
    for here, condition in rules:
        when, ends = condition.when, ends_chain(here, table)
        changed, read = changed or here.number > read + 1, here.number  # one that could not be read may do anything
        certain = condition.settled_from_the_start or not changed
        changed = changed or not ends
        if when is None or when is False or not certain:
            continue
        if bits.without(when, taken) is False:
            yield _dead(here, list(_which(when, takers)))
        elif ends:
            taken = bits.either(taken, when)
            takers.append((here, when))


def _dead(here: Here, shadows: list[Here]) -> Finding:
    related = [Related(other.words.span, "takes packets of it") for other in shadows[:_SHOWN]]
    count = "a rule above takes" if len(shadows) == 1 else f"{len(shadows)} rules above take"
    message = f"this rule of {here.table.group} {here.chain} is never reached: {count} all of its packets"
    return _as_it_matters(error(message, here.words.span, *related), [here], shadows)


def _does(here: Here) -> tuple[str, ...]:
    """The target of a rule and the options that belong to it."""
    options = registry.options_of(registry.target(here.target))
    given = (word for o in here.words.options if o.name in options for word in (o.name, *o.words))
    return (here.target, *given)


def _which(wanted: Bool, takers: list[tuple[Here, Bool]]) -> Iterator[Here]:
    """The rules that together take some packets: one if one will do, else each that takes what is left."""
    for here, taken in takers:
        if bits.without(wanted, taken) is False:
            yield here
            return
    for here, taken in takers:
        left = bits.without(wanted, taken)
        if left != wanted:
            yield here
        wanted = left


RULE = LintRule("never-reached", "warning", find)
