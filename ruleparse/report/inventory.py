"""What is in a node's dumps: files, writers, tables, and one chain with the meaning of each rule."""

from __future__ import annotations

from typing import TextIO

from ruleparse.cni.names import Names
from ruleparse.effects import effect_of
from ruleparse.netfilter.lower import family_name
from ruleparse.snapshot import Snapshot


def write_inventory(snapshot: Snapshot, out: TextIO) -> None:
    """Files and what they are, who wrote rules, tables with their chains and rules."""
    for source, kind in snapshot.sources:
        out.write(f"{kind:14} {source.name}\n")
    for family in snapshot.families:
        program = snapshot.program(family)
        writers = Names.of(program).writers()
        out.write(f"\nIPv{family}: {', '.join(writers) or 'no writer that is known'}\n")
        for ruleset in snapshot.rulesets(family):
            for table in ruleset.tables.values():
                rules = sum(s.text.count("\n") + 1 for c in table.chains.values() for s in c.rules)
                name = family_name(family, ruleset.flavour)
                out.write(f"  {name} {table.name}: {len(table.chains)} chains, {rules} rules\n")
    if snapshot.sets is not None:
        out.write(f"\n{len(snapshot.sets)} sets\n")


def write_chain(snapshot: Snapshot, name: str, out: TextIO) -> bool:
    """Every chain of this name, its rules and what they mean; False if there is none."""
    found = False
    for family in snapshot.families:
        program = snapshot.program(family)
        names = Names.of(program)
        for key, chain in program.chains.items():
            if name not in (chain.name, key):
                continue
            found = True
            table = program[key]
            meaning = names.chain(table.group, table.label)
            out.write(f"{key}{f': {meaning}' if meaning else ''}\n")
            for rule in table.rules:
                if rule.number and rule.span is not None:
                    says = names.rule(table, rule)
                    out.write(f"  {rule.number:4} {rule.span.text}\n")
                    out.write(f"       {effect_of(rule) or 'counts'}{f' - {says}' if says else ''}\n")
    return found
