"""Saved rules as decoders look at them: words and text of single chains, read when somebody asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.netfilter.save import BUILT_IN, Chain, Ruleset, rule_lines
from ruleparse.netfilter.syntax import Option, RuleSyntax
from ruleparse.program import Rule, Table

if TYPE_CHECKING:
    from ruleparse.kubernetes.cluster import Cluster

JUMPS = ("-j", "--jump", "-g", "--goto")
_CALLER = re.compile(r"(?:\[\d+:\d+\] )?-A (\S+)")


@dataclass(frozen=True, slots=True, eq=False)
class Here:
    """A rule in its place."""

    table: SavedTable
    chain: str
    number: int
    words: RuleSyntax
    target: str
    """the chain or target it jumps or goes to, empty if none"""

    @classmethod
    def of(cls, table: SavedTable, chain: str, number: int, words: RuleSyntax) -> Here:
        return cls(table, chain, number, words, words.first(*JUMPS) or "")

    @property
    def text(self) -> str:
        return self.words.span.text

    def option(self, *names: str) -> Option | None:
        return self.words.named(*names)

    def value(self, *names: str) -> str | None:
        """What is written behind an option; the mask of a single address left out."""
        word = self.words.first(*names)
        return word and word.removesuffix("/32").removesuffix("/128")

    def bits(self, *names: str) -> int:
        """The number before the slash behind an option, 0 if there is none."""
        try:
            return int((self.words.first(*names) or "").partition("/")[0], 0)
        except ValueError:
            return 0

    def before(self) -> Iterator[Here]:
        """The rules of this chain above this one, the nearest first."""
        return (here for here in reversed(self.table.rules(self.chain)) if here.number < self.number)


@dataclass(slots=True, eq=False, repr=False)
class SavedTable:
    """The chains of one table, `nat` say."""

    program: NetfilterProgram
    group: str
    chains: Mapping[str, Chain]
    _rules: dict[str, tuple[Here, ...]] = field(default_factory=dict)
    _names: str = field(init=False)
    """of the chains, each after a newline: looked through faster than one by one"""

    def __post_init__(self) -> None:
        self._names = "\n".join(["", *self.chains])

    def __contains__(self, chain: str) -> bool:
        return chain in self.chains

    def has_prefix(self, prefix: str) -> bool:
        """Whether a chain's name starts so."""
        return f"\n{prefix}" in self._names

    def text(self, chain: str) -> str:
        """The rules of a chain as they stand in the dump; empty if there is no such chain."""
        found = self.chains.get(chain)
        return "\n".join(stretch.text for stretch in found.rules) if found else ""

    def rules(self, chain: str) -> tuple[Here, ...]:
        """The rules of a chain in their words, without those that could not be read."""
        if chain not in self._rules:
            self._rules[chain] = tuple(self._read(chain))
        return self._rules[chain]

    def _read(self, chain: str) -> Iterator[Here]:
        found = self.chains.get(chain)
        spans = (span for stretch in (found.rules if found else ()) for span in rule_lines(stretch))
        for number, span in enumerate(spans, 1):
            words = self.program.syntax(Rule((), (), number, span))
            if words is not None:
                yield Here.of(self, chain, number, words)

    def starting(self, *prefixes: str) -> Iterator[str]:
        """Chains whose names start with one of these prefixes."""
        return (name for name in self.chains if name.startswith(prefixes))

    def callers(self, target: str) -> Iterator[str]:
        """Chains that jump or go to another, found in the text without reading the rules."""
        for source in {chain.source for chain in self.chains.values()}:
            text, needle = source.text, f" {target}\n"
            at = text.find(needle)
            while at >= 0:
                line = text[text.rfind("\n", 0, at) + 1 : at]
                found = _CALLER.match(line)
                if found and found[1] in self.chains and line.endswith(JUMPS):
                    yield found[1]
                at = text.find(needle, at + 1)


@dataclass(slots=True, eq=False, repr=False)
class SavedRules:
    """What one tool saved of one family: its tables, empty ones for those that are not there."""

    program: NetfilterProgram
    ruleset: Ruleset
    _tables: dict[str, SavedTable] = field(default_factory=dict)

    def __getitem__(self, group: str) -> SavedTable:
        if group not in self._tables:
            saved = self.ruleset.tables.get(group)
            self._tables[group] = SavedTable(self.program, group, saved.chains if saved else {})
        return self._tables[group]

    def has_chain(self, name: str) -> bool:
        """Whether some table has this chain, or with a `*` at its end one that starts so."""
        tables = [self[group] for group in self.ruleset.tables]
        if name.endswith("*"):
            return any(table.has_prefix(name.removesuffix("*")) for table in tables)
        return any(name in table for table in tables)

    def trunks(self) -> Iterator[str]:
        """The text of every chain that the kernel itself calls."""
        return (self[group].text(chain) for group in self.ruleset.tables for chain in BUILT_IN.get(group, ()))

    @property
    def cluster(self) -> Cluster | None:
        """What `kubectl` said, if somebody gave that."""
        return self.program.cluster

    def pod(self, address: str) -> str:
        """` (pod default/web)`, or nothing where it is not known."""
        found = self.cluster.pod_at(address) if self.cluster is not None else None
        return f" (pod {found.full_name})" if found is not None else ""

    def key(self, group: str, chain: str) -> str:
        """What the program calls a chain."""
        prefix = "" if len(self.program.rulesets) == 1 else f"{self.ruleset.flavour} "
        return f"{prefix}{group} {chain}"

    def holds(self, table: Table) -> bool:
        """Whether a table of the program was lowered from here."""
        return len(self.program.rulesets) == 1 or table.name.startswith(f"{self.ruleset.flavour} ")

    def here(self, table: Table, rule: Rule) -> Here | None:
        """A rule of the program in its place, if it is one that stands in the dump."""
        words = self.program.syntax(rule)
        return Here.of(self[table.group], table.label, rule.number, words) if words and rule.number else None
