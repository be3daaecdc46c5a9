"""A flow matches a conj_id that no conjunction of its table has.

Why: conj_id is 0 but for packets that satisfied a conjunction, so that no packet finds the flow. The clauses were lost,
or the flow was left behind when they were deleted.

Fix: restart the program that writes the flows; delete the flow if its conjunction is gone.

Sure: certain: no flow of the table has an action conjunction(N,…). Nothing is said of tables of which a flow could not
be read.

Example:

    # here
    table=0,priority=190,conj_id=7,ip actions=NORMAL
    table=0,priority=0 actions=drop
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.conjunctions import conjunctions
from ruleparse.lint.finding import Finding, LintRule, error
from ruleparse.lint.flows import Flows


def find(flows: Flows) -> Iterator[Finding]:
    for table in flows.tables:
        for conjunction in conjunctions(flows, table):
            if conjunction.number and not conjunction.clauses:
                message = f"no packet finds this flow: table {table} has no conjunction {conjunction.number}"
                yield from (error(message, placed.span) for placed in conjunction.answers)


RULE = LintRule("conjunction-without-clauses", "warning", in_bridge=find)
