"""One ruleset as lint rules look at it: its chains, who calls whom, and what was saved beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ruleparse.cni.kube_services import KubeServices
from ruleparse.cni.saved import Here, SavedRules, SavedTable
from ruleparse.netfilter import registry
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.netfilter.save import BUILT_IN, Chain, Ruleset
from ruleparse.snapshot import Snapshot
from ruleparse.text import Span


class Chains:
    """The chains of one table and the rules between them."""

    def __init__(self, saved: SavedTable, key: str) -> None:
        self.saved = saved
        self.name = saved.group
        self.key = key
        """what the names of its program tables start with"""

    @property
    def chains(self) -> Mapping[str, Chain]:
        return self.saved.chains

    def rules(self, chain: str) -> tuple[Here, ...]:
        return self.saved.rules(chain)

    @cached_property
    def built_in(self) -> list[str]:
        """The chains that the kernel calls."""
        return [name for name in self.chains if name in BUILT_IN.get(self.name, ())]

    @cached_property
    def callers(self) -> dict[str, list[Here]]:
        """Of each chain or target: the rules that jump or go to it."""
        found: dict[str, list[Here]] = {}
        for chain in self.chains:
            for here in self.rules(chain):
                if here.target:
                    found.setdefault(here.target, []).append(here)
        return found

    @cached_property
    def called(self) -> dict[str, list[str]]:
        """Of each chain: the chains that its rules call."""
        found: dict[str, list[str]] = {}
        for target, callers in self.callers.items():
            if target in self.chains:
                for here in callers:
                    found.setdefault(here.chain, []).append(target)
        return found

    @cached_property
    def hooks(self) -> dict[str, frozenset[str]]:
        """Of each chain that is reached: the kernel's own chains that lead to it."""
        found: dict[str, frozenset[str]] = {}
        for start in self.built_in:
            for chain in self.below([start]):
                found[chain] = found.get(chain, frozenset()) | {start}
        return found

    def below(self, starts: list[str]) -> set[str]:
        """Some chains and all that they lead to."""
        seen, pending = set(starts), list(starts)
        while pending:
            for target in self.called.get(pending.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    pending.append(target)
        return seen


@dataclass
class Rules:
    """What one tool saved of one family, and the node it was saved on."""

    snapshot: Snapshot
    program: NetfilterProgram
    ruleset: Ruleset

    @cached_property
    def saved(self) -> SavedRules:
        return SavedRules(self.program, self.ruleset)

    @cached_property
    def tables(self) -> dict[str, Chains]:
        """The tables that the kernel has."""
        prefix = "" if len(self.program.rulesets) == 1 else f"{self.ruleset.flavour} "
        known = [name for name in self.ruleset.tables if name in BUILT_IN]
        return {name: Chains(self.saved[name], f"{prefix}{name}") for name in known}

    @property
    def family(self) -> int:
        return self.program.family

    @cached_property
    def services(self) -> KubeServices:
        return KubeServices(self.saved)

    def chains(self) -> Iterator[tuple[Chains, str]]:
        """Every chain of every table."""
        return ((table, chain) for table in self.tables.values() for chain in table.chains)

    def rules(self) -> Iterator[tuple[Chains, Here]]:
        """Every rule of every table."""
        return ((table, here) for table, chain in self.chains() for here in table.rules(chain))

    @cached_property
    def entered(self) -> bool:
        """Whether any of the kernel's own chains has rules; where none has, this is part of what a node holds."""
        return any(table.chains[name].stretches for table in self.tables.values() for name in table.built_in)

    def table(self, name: str) -> Chains:
        """A table; one without chains if it was not saved."""
        return self.tables.get(name) or Chains(self.saved[name], name)


def rulesets(snapshot: Snapshot) -> Iterator[Rules]:
    """Every ruleset of a node that is in force."""
    for family in snapshot.families:
        program = snapshot.program(family)
        yield from (Rules(snapshot, program, ruleset) for ruleset in program.rulesets)


def jump_span(here: Here) -> Span:
    """The words of a rule that say where it goes; the whole rule if it goes nowhere."""
    option = here.option("-j", "--jump", "-g", "--goto")
    return here.words.option_span(option) if option else here.words.span


def chain_span(chain: Chain) -> Span:
    """Where a chain is declared, or else its first rule."""
    first = chain.rules[0] if chain.rules else Span(chain.source, 0, 0)
    return chain.span or first


def is_plain(here: Here) -> bool:
    """Whether a rule has no condition at all: nothing but a comment before its target."""
    tests = (o for o in here.words.options if o.name not in _NO_CONDITIONS)
    before = [o for o in tests if not _belongs_to_target(o.name, here.target)]
    matches = {o.words[0] for o in here.words.options if o.name in ("-m", "--match")}
    return not before and matches <= {"comment"} and not here.words.unsupported


_NO_CONDITIONS = {"-m", "--match", "--comment", "-j", "--jump", "-g", "--goto", "-c", "--set-counters"}


def _belongs_to_target(option: str, target: str) -> bool:
    return option in registry.options_of(registry.target(target))


def ends_chain(here: Here, table: Chains) -> bool:
    """Whether a packet that fits a rule never gets to the next one of its chain, whatever the rule's callee does."""
    if here.option("-g", "--goto"):
        return True
    declared = registry.target(here.target) if here.target and here.target not in table.chains else None
    return declared is not None and declared.ends
