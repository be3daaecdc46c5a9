"""A target stands in a table that cannot have it.

Why: many targets work in one table only (REJECT in filter, TPROXY in mangle, CT in raw). The kernel refuses all of the
table for one such rule, and whoever writes it fails every time it tries: Calico with `FilterDenyAction: Reject` did so
in table raw. So the dump was edited, or was never loaded.

Fix: use a target that the table can have (DROP in place of REJECT), or move the rule.

Sure: certain: each target declares its tables as its kernel module does. Address translation is left to
nat-cannot-apply; nothing is said of `iptables -S`, which does not name the table.

Example:

    *raw
    :PREROUTING ACCEPT [0:0]
    # here
    -A PREROUTING -m rpfilter --validmark --invert -j REJECT --reject-with icmp-port-unreachable
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, error
from ruleparse.lint.rules.nat_cannot_apply import WHERE
from ruleparse.lint.ruleset import Rules, jump_span
from ruleparse.netfilter import registry


def find(rules: Rules) -> Iterator[Finding]:
    for table in rules.tables.values() if rules.ruleset.whole else ():
        for target, callers in table.callers.items():
            declared = registry.target(target) if target not in table.chains and target not in WHERE else None
            if declared is not None and declared.tables and table.name not in declared.tables:
                only = " and ".join(declared.tables)
                message = f"{target} works in table {only} only, not in {table.name}"
                yield from (error(message, jump_span(here)) for here in callers)


RULE = LintRule("wrong-table", "error", find)
