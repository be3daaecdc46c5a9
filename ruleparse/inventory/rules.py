"""Tables and chains of netfilter, and pods and host endpoints as their rules tell them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ruleparse.cni.names import Names
from ruleparse.effects import effect_of
from ruleparse.inventory.model import Chain, ChainRule, End, Family, Table
from ruleparse.netfilter.lower import family_name
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.netfilter.save import Chain as SavedChain
from ruleparse.netfilter.save import Ruleset
from ruleparse.program import Call, Goto

Addresses = Callable[[str], tuple[str, ...]]
"""The addresses behind an interface."""


def of_family(program: NetfilterProgram) -> Family:
    """Who wrote the rules, and how many there are where."""
    several = len(program.rulesets) > 1
    tables = (table for ruleset in program.rulesets for table in _tables(program.family, ruleset, several))
    return Family(program.family, tuple(Names.of(program).writers()), tuple(tables))


def _tables(family: int, ruleset: Ruleset, several: bool) -> Iterator[Table]:
    tool = family_name(family, ruleset.flavour)
    for table in ruleset.tables.values():
        rules = sum(map(_count, table.chains.values()))
        key = f"{ruleset.flavour} {table.name}" if several else table.name
        yield Table(tool, table.name, key, len(table.chains), rules)


def _count(chain: SavedChain) -> int:
    return sum(stretch.text.count("\n") + 1 for stretch in chain.rules)


# Chains


def listed(program: NetfilterProgram, table: Table) -> tuple[Chain, ...]:
    """The chains of a table, without their rules."""
    names = Names.of(program)
    return tuple(
        Chain(key, names.chain(table.name, chain.name), _count(chain), chain.policy)
        for key, chain in program.chains.items()
        if key == f"{table.key} {chain.name}"
    )


def in_full(program: NetfilterProgram, key: str) -> Chain:
    """A chain with its rules, what each means, and who calls it."""
    names, table, saved = Names.of(program), program[key], program.chains[key]
    rules = tuple(
        ChainRule(rule.number, rule.span.line, rule.span.text, effect_of(rule) or "counts", names.rule(table, rule))
        for rule in table.rules
        if rule.number and rule.span is not None
    )
    group, label = table.group, table.label
    return Chain(key, names.chain(group, label), len(rules), saved.policy, tuple(_callers(program, key)), rules)


def _callers(program: NetfilterProgram, key: str) -> Iterator[str]:
    """Chains that call another; of those whose text has its name no more are read."""
    needle = f" {program.chains[key].name}"
    for caller, chain in program.chains.items():
        if any(needle in stretch.text for stretch in chain.rules) and _calls(program, caller, key):
            yield caller


def _calls(program: NetfilterProgram, caller: str, key: str) -> bool:
    actions = (action for rule in program[caller].rules for action in rule.actions)
    return any(isinstance(action, Call | Goto) and action.table == key for action in actions)


# Pods


def ends(program: NetfilterProgram, addresses: Addresses, pod: Callable[[str], str | None]) -> Iterator[End]:
    """Every pod and host endpoint that policies could hold."""
    for held in Names.of(program).held():
        mine = (held.address,) if held.address else addresses(held.interface)
        name = held.name or next((found for address in mine if (found := pod(address))), None)
        yield End(held.kind, held.interface, name, held.namespace, mine, held.ingress, held.egress, held.chains)
