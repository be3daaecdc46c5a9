"""Chains lead back to themselves.

Why: no kernel loads such rules (`Too many levels of symbolic links`), so the dump was edited, or is of two moments.

Fix: remove one of the jumps.

Sure: certain, for chains that the kernel's own chains lead to; others may call each other as they like.
Which of the jumps is wrong nobody can tell: all of them are named.

Example:

    *filter
    :INPUT ACCEPT [0:0]
    :A - [0:0]
    :B - [0:0]
    -A INPUT -j A
    -A A -j B
    # here
    -A B -s 192.0.2.1/32 -j A
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Chains, Rules, jump_span


def find(rules: Rules) -> Iterator[Finding]:
    for table in rules.tables.values():
        for loop in loops(table):
            *way, last = [call(table, chain, target) for chain, target in zip(loop, [*loop[1:], loop[0]], strict=True)]
            related = [Related(here.words.span, f"leads on to {here.target}") for here in way]
            what = f"{loop[-1]} leads back to {loop[0]}" if way else f"chain {loop[0]} calls itself"
            yield error(what, jump_span(last), *related)


def call(table: Chains, chain: str, target: str) -> Here:
    return next(here for here in table.callers[target] if here.chain == chain)


def loops(table: Chains) -> Iterator[list[str]]:
    """Chains each of which calls the next, and the last the first; found going down from the kernel's own chains."""
    done: set[str] = set()
    for start in table.built_in:
        inside, way = [start], [iter(table.called.get(start, ()))]
        while way:
            target = next(way[-1], None)
            if target is None:
                done.add(inside.pop())
                way.pop()
            elif target in inside:
                yield inside[inside.index(target) :]
            elif target not in done:
                inside.append(target)
                way.append(iter(dict.fromkeys(table.called.get(target, ()))))


RULE = LintRule("chain-loop", "error", find)
