"""Read every rule of a node into its options and words; with `--lower`, into tests and actions too.

python -m benchmarks.full_parse [--lower] DUMP...
"""

from __future__ import annotations

import atexit
import gc
import sys

import ruleparse
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.netfilter.save import rule_lines
from ruleparse.netfilter.syntax import RuleParser


def parsed(program: NetfilterProgram) -> int:
    """How many rules were parsed."""
    parser = RuleParser()
    spans = (span for chain in program.chains.values() for stretch in chain.rules for span in rule_lines(stretch))
    return sum(1 for _ in map(parser.parse, spans))


def lowered(program: NetfilterProgram) -> int:
    """How many rules came out of lowering all that were saved."""
    return sum(1 for name in program.chains for _ in program[name].rules)


def main(*arguments: str) -> None:
    count = lowered if "--lower" in arguments else parsed
    snapshot = ruleparse.load(*(a for a in arguments if not a.startswith("--"))).snapshot
    print(f"{sum(count(snapshot.program(family)) for family in snapshot.families):,} rules")


if __name__ == "__main__":
    gc.disable()  # as the command does, and at its end
    atexit.register(gc.freeze)
    main(*sys.argv[1:])
