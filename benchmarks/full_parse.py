"""Read every rule of a node and lower it: the most work that the reader can be given.

python -m benchmarks.full_parse DUMP...
"""

from __future__ import annotations

import sys

import ruleparse


def count_rules(*dumps: str) -> int:
    """How many rules the dumps become, each of them read and lowered to find out."""
    snapshot = ruleparse.load(*dumps).snapshot
    programs = map(snapshot.program, snapshot.families)
    return sum(len(list(program[name].rules)) for program in programs for name in program.chains)


if __name__ == "__main__":
    print(f"{count_rules(*sys.argv[1:]):,} rules")
