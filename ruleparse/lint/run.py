"""Runs lint rules over the rulesets and bridges of a node."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ruleparse.lint.finding import LEVELS, Finding, LintRule
from ruleparse.lint.flows import Flows, bridges
from ruleparse.lint.registry import rule, rule_names
from ruleparse.lint.ruleset import Rules, rulesets
from ruleparse.snapshot import Snapshot
from ruleparse.text import Severity


class NoSuchRule(ValueError):
    """A name that no lint rule has."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for: `select` nothing means every rule. Findings below `level` are left out."""

    select: Collection[str] = ()
    ignore: Collection[str] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    level: Severity = "warning"

    def rules(self) -> list[LintRule]:
        """Raises NoSuchRule."""
        for name in (*self.select, *self.ignore, *self.severity):
            if name not in rule_names():
                raise NoSuchRule(f"there is no lint rule {name}; `ruleparse doc` lists them")
        names = [n for n in rule_names() if (not self.select or n in self.select) and n not in self.ignore]
        return [found for name in names if (found := rule(name)) is not None]


def lint(snapshot: Snapshot, wanted: Wanted | None = None) -> list[Finding]:
    """What is wrong with the rules and flows of a node, in the order of the dumps. Raises NoSuchRule."""
    wanted = wanted or Wanted()
    found = [f for f in _all(snapshot, wanted) if LEVELS.index(f.severity) >= LEVELS.index(wanted.level)]
    return sorted(dict.fromkeys(found), key=lambda f: (f.span.source.name, f.span.start, f.rule))


def _all(snapshot: Snapshot, wanted: Wanted) -> Iterator[Finding]:
    selected = wanted.rules()
    subjects: list[Rules | Flows] = [*rulesets(snapshot), *bridges(snapshot)]
    for subject in subjects:
        for one in selected:
            for found in one.findings(subject):
                yield replace(found, severity=wanted.severity.get(one.name, found.severity))
