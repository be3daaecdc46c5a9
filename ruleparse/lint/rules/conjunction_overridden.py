"""A flow takes the packets of a conjunction before the flow that is meant for them.

Why: a packet that satisfies a conjunction is looked up once more, among all flows. One whose priority is above that of
the conj_id flow wins there, though it is below that of the clauses, so that nobody expects it to matter.

Fix: give the conj_id flow the priority of its clauses.

Sure: certain that every packet of the conj_id flow finds the other first. Nothing is said where both do the same.

Example:

    table=0,priority=200,ip,nw_src=10.0.0.5 actions=conjunction(7,1/2)
    table=0,priority=200,tcp,tp_dst=80 actions=conjunction(7,2/2)
    table=0,priority=195,ip actions=drop
    # here
    table=0,priority=190,conj_id=7,ip actions=NORMAL
    table=0,priority=0 actions=drop
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.conjunctions import Conjunction, conjunctions
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.flows import Flows, Placed


def find(flows: Flows) -> Iterator[Finding]:
    for table in flows.tables:
        for conjunction in conjunctions(flows, table):
            for answer in conjunction.answers:
                over = overriding(flows, conjunction, answer)
                if over is not None:
                    message = f"packets of conjunction {conjunction.number} find another flow of table {table} first"
                    yield error(message, answer.span, Related(over.span, "takes all of them"))


def overriding(flows: Flows, conjunction: Conjunction, answer: Placed) -> Placed | None:
    """A flow above that of a conjunction which takes all its packets and does something else."""
    above = (placed for placed in flows.ordinary(conjunction.table) if placed.priority > answer.priority)
    return next((p for p in above if p.cube.holds(answer.cube) and p.does != answer.does), None)


RULE = LintRule("conjunction-overridden", "error", in_bridge=find)
