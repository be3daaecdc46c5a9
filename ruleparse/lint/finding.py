"""What a lint rule is, and what it finds."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ruleparse.text import Severity, Span, caret_lines

if TYPE_CHECKING:
    from ruleparse.lint.flows import Flows
    from ruleparse.lint.ruleset import Rules

LEVELS: tuple[Severity, ...] = ("note", "warning", "error")
"""from the least to the most severe"""

_COUNTERS = re.compile(r"\[\d+:\d+\]\s*|(?:cookie|duration|n_packets|n_bytes|idle_age|hard_age)=[^,\s]+,\s*")


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that a finding is about, and what it has to do with it."""

    span: Span
    says: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect: what is wrong, where, what else has to do with it, how to put it right."""

    message: str
    span: Span
    related: tuple[Related, ...] = ()
    fix: str | None = None
    rule: str = ""
    severity: Severity = "warning"

    @property
    def fingerprint(self) -> str:
        """The same for the same defect in a later dump, wherever in the file it stands then and however often hit."""
        words = "\0".join((self.rule, _COUNTERS.sub("", self.span.text), self.message))
        return hashlib.sha256(words.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def render(self, width: int = 160) -> Iterator[str]:
        """As a compiler prints it: the place, the line, carets; then the other places."""
        span = self.span
        yield f"{span.where}:{span.column}: {self.severity}: {self.message} [{self.rule}]"
        yield from caret_lines(span, width)
        for other in self.related:
            yield f"  {other.span.where}: {other.says}"
            yield from caret_lines(other.span, width)[:1]
        if self.fix:
            yield f"  fix: {self.fix}"


@dataclass(frozen=True, slots=True)
class LintRule:
    """A defect to look for: declared once in a file of its own, whose docstring is its page of the reference.

    What is found is an error, a warning or a note as `severity` says, unless a finding is less sure of itself.
    It is looked for in rulesets (`find`), in bridges (`in_bridge`), or in both.
    """

    name: str
    severity: Severity
    find: Callable[[Rules], Iterator[Finding]] | None = None
    in_bridge: Callable[[Flows], Iterator[Finding]] | None = None
    doc: str = ""

    @property
    def title(self) -> str:
        """The first paragraph of its page."""
        return " ".join(inspect.cleandoc(self.doc).partition("\n\n")[0].split())

    def findings(self, subject: Rules | Flows) -> Iterator[Finding]:
        for found in self._found(subject):
            level = min(LEVELS.index(found.severity), LEVELS.index(self.severity))
            yield replace(found, rule=self.name, severity=LEVELS[level])

    def _found(self, subject: Rules | Flows) -> Iterator[Finding]:
        from ruleparse.lint.flows import Flows

        if isinstance(subject, Flows):
            return self.in_bridge(subject) if self.in_bridge else iter(())
        return self.find(subject) if self.find else iter(())


def error(message: str, span: Span, *related: Related, fix: str | None = None) -> Finding:
    """A finding that is as severe as its rule."""
    return Finding(message, span, related, fix, severity="error")


def suspicion(message: str, span: Span, *related: Related, fix: str | None = None) -> Finding:
    """A finding that the dump does not prove."""
    return Finding(message, span, related, fix, severity="warning")
