"""The conjunctions of a table as lint rules look at them: their clauses, and the flows that their packets find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ruleparse.cni.conjunctions import clauses
from ruleparse.cni.saved_flows import SavedFlow, decimal
from ruleparse.lint.flows import Flows, Placed
from ruleparse.text import Span


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """A flow as clause `which` of `of`."""

    placed: Placed
    number: int
    which: int
    of: int

    @property
    def span(self) -> Span:
        """The words of the action."""
        line = self.placed.flow.span
        words = f"conjunction({self.number},{self.which}/{self.of})"
        at = line.text.find(words)
        return Span(line.source, line.start + at, line.start + at + len(words)) if at >= 0 else self.placed.span


@dataclass(slots=True, eq=False)
class Conjunction:
    """All that one number stands for in a table. `answers` are flows that match its conj_id."""

    table: str
    number: int
    clauses: list[Clause] = field(default_factory=list)
    answers: list[Placed] = field(default_factory=list)

    def at(self, priority: int, of: int) -> list[Clause]:
        return [clause for clause in self.clauses if clause.placed.priority == priority and clause.of == of]

    @property
    def kinds(self) -> set[tuple[int, int]]:
        """Priorities and sizes that clauses have: only those that agree in both count together."""
        return {(clause.placed.priority, clause.of) for clause in self.clauses}

    def complete(self) -> Iterator[tuple[int, int]]:
        """Priorities and sizes of which every clause is there."""
        for priority, of in sorted(self.kinds, reverse=True):
            if {clause.which for clause in self.at(priority, of)} == set(range(1, of + 1)):
                yield priority, of


def conjunctions(flows: Flows, table: str) -> list[Conjunction]:
    """The conjunctions of a table, by their numbers; none where a flow of it could not be read."""
    found: dict[int, Conjunction] = {}
    for placed in flows.table(table):
        saved = SavedFlow(placed.flow)
        number = decimal(saved.match.get("conj_id", ""))
        if number is not None:
            found.setdefault(number, Conjunction(table, number)).answers.append(placed)
        for number, which, of in clauses(saved) if placed.flow.is_clause else ():
            found.setdefault(number, Conjunction(table, number)).clauses.append(Clause(placed, number, which, of))
    return [] if table in flows.unread else [found[number] for number in sorted(found)]
