"""No packet can satisfy a conjunction: a clause is missing, or its clauses do not count together.

Why: a conjunction holds only if the packet matches a flow of every clause, all of one priority and with the same number
of clauses (ovs-fields(7), "Conjunctive Match Fields"). The policy behind it allows, or denies, nothing.

Fix: restart the program that writes the flows; look in its log for flows that the switch refused. Where somebody writes
them by hand: give all clauses the same priority and the same `/N`.

Sure: it is certain that no packet gets there. That may be as it should be: the peers of a network policy may be nobody
at the moment, so this is a suspicion; a note on bridges of OVN and Neutron, which leave clauses out while nobody is
meant. Nothing is said of tables of which a flow could not be read.

Example:

    # here
    table=0,priority=200,ip,nw_src=10.0.0.5 actions=conjunction(7,1/3)
    table=0,priority=200,tcp,tp_dst=80 actions=conjunction(7,3/3)
    table=0,priority=190,conj_id=7,ip actions=NORMAL
    table=0,priority=0 actions=drop
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ruleparse.lint.conjunctions import Clause, Conjunction, conjunctions
from ruleparse.lint.finding import Finding, LintRule, Related, suspicion
from ruleparse.lint.flows import Flows


def find(flows: Flows) -> Iterator[Finding]:
    found = (finding for table in flows.tables for finding in _in_table(flows, table))
    yield from (replace(one, severity="note") for one in found) if flows.writer in _LEAVE_OUT else found


_LEAVE_OUT = ("ovn-br-int", "neutron-br-int")


def _in_table(flows: Flows, table: str) -> Iterator[Finding]:
    for conjunction in conjunctions(flows, table):
        if conjunction.clauses:
            complete = set(conjunction.complete())
            yield from _strays(conjunction, complete) if complete else _never(conjunction)


def _never(conjunction: Conjunction) -> Iterator[Finding]:
    usual = _usual(conjunction)
    odd = [clause for clause in conjunction.clauses if (clause.placed.priority, clause.of) != usual]
    first = odd[0] if odd else min(conjunction.clauses, key=lambda clause: clause.span.start)
    related = [Related(placed.span, "gets no packet") for placed in conjunction.answers[:1]]
    message = f"conjunction {conjunction.number} of table {conjunction.table} never holds: {_why(conjunction, odd)}"
    yield suspicion(message, first.span, *related)


def _usual(conjunction: Conjunction) -> tuple[int, int]:
    """Priority and size of most clauses."""
    return max(conjunction.kinds, key=lambda kind: (len(conjunction.at(*kind)), kind))


def _why(conjunction: Conjunction, odd: list[Clause]) -> str:
    if sizes := {clause.of for clause in odd} - {_usual(conjunction)[1]}:
        return f"its clauses say that there are {_listed({*sizes, _usual(conjunction)[1]}, 'and')} of them"
    missing = set(range(1, conjunction.clauses[0].of + 1)) - {clause.which for clause in conjunction.clauses}
    if missing:
        return f"no flow is its clause {_listed(missing, 'or')} of {conjunction.clauses[0].of}"
    return f"its clauses have priorities {_listed({clause.placed.priority for clause in conjunction.clauses}, 'and')}"


def _strays(conjunction: Conjunction, complete: set[tuple[int, int]]) -> Iterator[Finding]:
    """Clauses that do not belong to what is complete."""
    priority, of = max(complete)
    related = Related(conjunction.at(priority, of)[0].span, f"the others have priority {priority}, and are {of}")
    for clause in conjunction.clauses:
        if (clause.placed.priority, clause.of) not in complete:
            found = f"it has priority {clause.placed.priority} and is one of {clause.of}"
            message = f"this clause of conjunction {conjunction.number} never counts: {found}"
            yield suspicion(message, clause.span, related)


def _listed(numbers: set[int], word: str) -> str:
    *first, last = map(str, sorted(numbers))
    return f"{', '.join(first)} {word} {last}" if first else last


RULE = LintRule("conjunction-incomplete", "warning", in_bridge=find)
