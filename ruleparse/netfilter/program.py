"""The program of one address family of a node: chains, lowered when a walk enters them, and the kernel's own tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ruleparse.netfilter.chain_rules import INDEXED_TABLES, ChainRules
from ruleparse.netfilter.connections import new_connection
from ruleparse.netfilter.extension import Context, ask
from ruleparse.netfilter.facts import Facts
from ruleparse.netfilter.hooks import Base, path_tables
from ruleparse.netfilter.lower import TableLowering, either_way
from ruleparse.netfilter.quirks import Quirks
from ruleparse.netfilter.save import BUILT_IN, Chain, Flavour, Ruleset, unsaved
from ruleparse.netfilter.syntax import RuleParser, RuleSyntax, SyntaxProblem
from ruleparse.netfilter.tracking.tables import CONNECTIONS, MAPPED, TAKEN
from ruleparse.netfilter.verdicts import accepted
from ruleparse.packet import assumption
from ruleparse.program import COMES_BACK, Goto, Note, Rule, Stop, Table
from ruleparse.text import Diagnostic, Span

if TYPE_CHECKING:
    from ruleparse.kubernetes.cluster import Cluster


def _presuming(entry: Table, rulesets: list[Ruleset]) -> Table:
    """The table where a packet starts, saying first what is in force and was not saved."""
    questions = dict.fromkeys(q for ruleset in rulesets for q in unsaved(ruleset))
    return replace(entry, rules=[*(Rule((), (Note(q.question, q),)) for q in questions), *entry.rules])


class NetfilterProgram(Mapping[str, Table]):
    """Tables by name: `filter FORWARD` for a chain (`nft filter FORWARD` where legacy and nft are both in force)."""

    def __init__(
        self, family: int, rulesets: list[Ruleset], facts: Facts, fib: Mapping[str, Table], quirks: Quirks | None = None
    ) -> None:
        self.family = family
        self.rulesets = rulesets
        self.facts = facts
        self.quirks = quirks or Quirks()
        self.diagnostics: list[Diagnostic] = []
        self.handles: dict[int, tuple[Table, Rule]] = {}
        self.cluster: Cluster | None = None
        """for names; no walk asks for it"""
        self._parser = RuleParser()
        self._saved: dict[str, TableLowering] = {}
        self._lowered: dict[str, Table] = {}
        bases = [self._add(ruleset) for ruleset in rulesets]
        own = {**path_tables(family, bases, facts), **fib, "new connection": new_connection(family)}
        own |= {name: Table(name, ()) for name in (CONNECTIONS, TAKEN, MAPPED)}
        self._own = {**own, **{name: _presuming(own[name], rulesets) for name in ("arrive", "send")}}

    def _add(self, ruleset: Ruleset) -> Base:
        prefix = "" if len(self.rulesets) == 1 else f"{ruleset.flavour} "
        for name, table in ruleset.tables.items():
            lowering = TableLowering(ruleset, name, table.chains, self.facts, self.diagnostics, self.quirks, prefix)
            self._saved[f"{prefix}{name}"] = lowering
        return Base(prefix, ruleset.flavour, frozenset(ruleset.tables) | (set() if ruleset.whole else {"filter"}))

    def __getitem__(self, name: str) -> Table:
        found = self._lowered.get(name) or self._own.get(name)
        if found is None:
            found = self._lowered[name] = self._lower(name) or self._missing(name)
        return found

    def __iter__(self) -> Iterator[str]:
        yield from self.chains
        yield from self._own

    def __len__(self) -> int:
        return sum(len(lowering.chains) for lowering in self._saved.values()) + len(self._own)

    @property
    def chains(self) -> Mapping[str, Chain]:
        """Every saved chain by the name of its program table."""
        return {s.table_key(chain.name): chain for s in self._saved.values() for chain in s.chains.values()}

    def rule(self, handle: int) -> tuple[Table, Rule] | None:
        """The rule that a handle stands for."""
        return self.handles.get(handle)

    def syntax(self, rule: Rule) -> RuleSyntax | None:
        """The words of a rule that stands in the dump."""
        if rule.span is None or not rule.number:
            return None
        try:
            return self._parser.parse(rule.span)
        except SyntaxProblem:
            return None

    # Lowering a chain

    def _lower(self, name: str) -> Table | None:
        """The table of a saved chain, None if there is no such chain."""
        saved, _, label = name.rpartition(" ")
        lowering = self._saved.get(saved)
        chain: Chain | None = lowering.chains.get(label) if lowering is not None else None
        if lowering is None or chain is None:
            return None
        table: Table

        def lower(span: Span, number: int) -> list[Rule]:
            handle = self._handle(span)
            lowered = self._rules(lowering, span, number, handle)
            self.handles.update((handle, (table, r)) for r in lowered if r.number is not None)
            return lowered

        rules = ChainRules(chain, lower)
        narrow = rules.for_packet if rules.is_long and lowering.table in INDEXED_TABLES else None
        base = chain.policy is not None
        default = self._policy(lowering, chain) if base else COMES_BACK
        table = Table(name, rules, default, base, lowering.table, chain.name, narrow, within_itself=False)
        if base and chain.span is not None and default.number is not None:
            self.handles[self._handle(chain.span)] = (table, default)
        return table

    @staticmethod
    def _handle(span: Span) -> int:
        """Unique among the rules of one text; texts of one family hardly clash, and a clash only names a wrong line."""
        return (hash(span.source.name) & 0xFFFF) << 32 | span.start + 1

    def _rules(self, lowering: TableLowering, span: Span, number: int, handle: int) -> list[Rule]:
        try:
            return lowering.lower(self._parser.parse(span), number, handle)
        except SyntaxProblem as problem:
            self.diagnostics.append(problem.diagnostic)
            ruleset = lowering.ruleset
            context = Context(ruleset.family, ruleset.flavour, lowering.table, "", span, handle, self.facts)
            return lowering.opaque(context, number, f"the rule at {span.where}, which could not be read,")

    def _policy(self, lowering: TableLowering, chain: Chain) -> Rule:
        handle = self._handle(chain.span) if chain.span else 0
        accepts = Rule((), accepted(lowering.table, handle), 0, chain.span)
        drops = Rule((), (Stop("drop"),), 0, chain.span)
        if chain.policy in ("ACCEPT", "DROP"):
            return accepts if chain.policy == "ACCEPT" else drops
        name = f"policy of {lowering.table_key(chain.name)}"
        words = f"the policy {chain.policy} of chain {chain.name} accepts the packet"
        asked = ask(assumption(words, "iptables-save", chain.span))
        unclear = Table(name, [replace(accepts, tests=(asked,)), drops], group=lowering.table, label=chain.name)
        self._own[name] = unclear
        self.handles[handle] = (unclear, unclear.rules[0])
        return Rule((), (Goto(name),))

    def _missing(self, name: str) -> Table:
        """A chain that is called but not in the dump; a built-in one without a word in it accepts."""
        group, _, label = name.removeprefix("nft ").removeprefix("legacy ").partition(" ")
        flavour: Flavour = "nft" if name.startswith("nft ") else "legacy"
        there = any(r.flavour == flavour or len(self.rulesets) == 1 for r in self.rulesets if group in r.tables)
        if label in BUILT_IN.get(group, ()):
            drops = ask(assumption(f"table {group}, which was not saved, drops the packet", "iptables-save"))
            rules = () if there else (Rule((drops,), (Stop("drop"),)),)
            return Table(name, rules, Rule((), (Stop("accept"),)), True, group, label)
        source = self.rulesets[0].source if self.rulesets else None
        if source is None:
            raise KeyError(name)
        context = Context(self.family, flavour, group, label, Span(source, 0, 0), 0, self.facts)
        return Table(
            name, either_way(f"chain {label}, which is not in the dump,", (), 0, context), group=group, label=label
        )
