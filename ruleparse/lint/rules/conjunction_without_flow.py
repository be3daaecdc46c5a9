"""Nothing is done with packets that satisfy a conjunction: no flow matches its conj_id.

Why: a packet that matches all clauses is looked up once more, with conj_id set (ovs-fields(7)). Without a flow for it
the packet meets what it would have met without the conjunction; mostly that is the default that drops it, so that what
a network policy allows is not allowed.

Fix: add the flow (`conj_id=N actions=…`) in the same table; restart the program that writes the flows.

Sure: certain: every clause is there, and no flow of the table matches conj_id=N. Nothing is said of tables of which a
flow could not be read.

Example:

    # here
    table=0,priority=200,ip,nw_src=10.0.0.5 actions=conjunction(7,1/2)
    table=0,priority=200,tcp,tp_dst=80 actions=conjunction(7,2/2)
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
            if not conjunction.answers and any(conjunction.complete()):
                first = min(conjunction.clauses, key=lambda clause: clause.span.start)
                number = conjunction.number
                message = f"no flow of table {table} takes the packets that conjunction {number} is for"
                yield error(f"{message}: none matches conj_id={number}", first.span)


RULE = LintRule("conjunction-without-flow", "error", in_bridge=find)
