"""Plants defects in the corpora's healthy nodes and counts how many the lint rule meant for them finds, at their line.

python -m benchmarks.mutants             the tally
python -m benchmarks.mutants --missed    and every defect that was not found
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks import planted_flows, planted_rules
from benchmarks.planting import CORPORA, PLANTS, Mutant, Planted
from ruleparse.lint.registry import rule
from ruleparse.lint.run import Wanted, lint
from ruleparse.snapshot import load
from ruleparse.text import Severity

__all__ = ["PLANTS", "is_found", "nodes", "planted_flows", "planted_rules", "spread"]

PLACES = 4
"""Places in each node that one kind of defect is planted in."""
SAME = ("chain-loop", "tunnel-peer-refused")
"""Findings whose places are all the same: any of them could be the wrong one."""


def nodes(file: str) -> list[Path]:
    """The nodes of which this was saved; the catalogue of what kernels print is none."""
    return sorted(path.parent for path in CORPORA.glob(f"**/{file}") if "kernel-saved" not in path.parts)


def spread(mutants: Iterator[Mutant], places: int) -> list[Mutant]:
    """A few of many, from everywhere."""
    found = list(mutants)
    return found[:: max(1, len(found) // places)][:places]


def is_found(node: Path, planted: Planted, mutant: Mutant, folder: Path) -> bool:
    """Whether a lint rule finds a defect at its line; the node's other files stay as they are."""
    changed = folder / planted.file
    changed.write_text("\n".join(mutant.lines) + "\n")
    others = [path for path in node.iterdir() if path.name != planted.file and path.is_file()]
    found = lint(load([changed, *others]), Wanted(select=[planted.rule], level=usual_level(planted.rule)))
    places = [f.span for f in found] + [r.span for f in found if planted.rule in SAME for r in f.related]
    return mutant.line in [span.line for span in places if span.source.name == str(changed)]


def usual_level(name: str) -> Severity:
    """Findings of this level are told if nobody says otherwise; notes where the rule has nothing else to tell."""
    declared = rule(name)
    return "note" if declared and declared.severity == "note" else Wanted().level


def main() -> None:
    count, found, missed = Counter[str](), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        for planted in PLANTS:
            for node in nodes(planted.file):
                lines = (node / planted.file).read_text().splitlines()
                for mutant in spread(planted.plant(lines), PLACES):
                    count[planted.rule] += 1
                    if is_found(node, planted, mutant, Path(folder)):
                        found[planted.rule] += 1
                    else:
                        where = f"{node.relative_to(CORPORA)}/{planted.file}:{mutant.line}"
                        line = mutant.lines[mutant.line - 1]
                        missed.append(f"{planted.rule}: {planted.name}, {where}: {line}")
    for name in sorted(count):
        print(f"{name:32} {found[name]:4} of {count[name]:4}")
    print(f"{'all':32} {found.total():4} of {count.total():4}")
    if "--missed" in sys.argv:
        print("\n".join(missed))


if __name__ == "__main__":
    main()
