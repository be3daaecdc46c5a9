"""Chains lead back to themselves.

Why: no kernel loads such rules (`Too many levels of symbolic links`), so the dump was edited, or is of two moments.

Fix: remove one of the jumps.

Sure: certain, for chains that the kernel's own chains lead to; others may call each other as they like.

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

from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Chains, Rules, jump_span


def find(rules: Rules) -> Iterator[Finding]:
    for table in rules.tables.values():
        for chain, target in backward_calls(table):
            calls = [h for h in table.callers[target] if h.chain == chain]
            way = [h for h in table.callers.get(chain, ()) if h.chain != chain]
            related = [Related(h.words.span, f"leads to {chain}") for h in way[:3]]
            what = f"chain {chain} calls itself" if chain == target else f"{chain} leads back to {target}"
            yield error(what, jump_span(calls[0]), *related)


def backward_calls(table: Chains) -> Iterator[tuple[str, str]]:
    """Calls that close a loop, found by going down from the kernel's own chains."""
    done: set[str] = set()
    for start in table.built_in:
        inside, way = {start}, [(start, iter(table.called.get(start, ())))]
        while way:
            chain, targets = way[-1]
            target = next(targets, None)
            if target is None:
                done.add(chain)
                inside.discard(chain)
                way.pop()
            elif target in inside:
                yield chain, target
            elif target not in done:
                inside.add(target)
                way.append((target, iter(dict.fromkeys(table.called.get(target, ())))))


RULE = LintRule("chain-loop", "error", find)
