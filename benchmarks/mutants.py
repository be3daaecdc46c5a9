"""Plants defects in the corpora's healthy nodes and counts how many the lint rule meant for them finds, at their line.

python -m benchmarks.mutants             the tally
python -m benchmarks.mutants --missed    and every defect that was not found
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
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


def is_found(node: Path, planted: Planted, mutant: Mutant, folder: Path, level: Severity | None = None) -> bool:
    """Whether a lint rule finds a defect at its line; the node's other files stay as they are."""
    changed = folder / planted.file
    changed.write_text("\n".join(mutant.lines) + "\n")
    others = [path for path in node.iterdir() if path.name != planted.file and path.is_file()]
    wanted = Wanted(select=[planted.rule], level=level or usual_level(planted.rule))
    found = lint(load([changed, *others]), wanted)
    places = [f.span for f in found] + [r.span for f in found if planted.rule in SAME for r in f.related]
    return mutant.line in [span.line for span in places if span.source.name == str(changed)]


def usual_level(name: str) -> Severity:
    """Findings of this level are told if nobody says otherwise; notes where the rule has nothing else to tell."""
    declared = rule(name)
    return "note" if declared and declared.severity == "note" else Wanted().level


@dataclass
class Tally:
    """How many defects were planted, found, and found as notes because the node does not tell more."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)

    def judge(self, node: Path, planted: Planted, mutant: Mutant, folder: Path) -> None:
        self.planted[planted.rule] += 1
        if is_found(node, planted, mutant, folder):
            self.found[planted.rule] += 1
        elif is_found(node, planted, mutant, folder, "note"):
            self.notes[planted.rule] += 1
        else:
            where = f"{node.relative_to(CORPORA)}/{planted.file}:{mutant.line}"
            self.missed.append(f"{planted.rule}: {planted.name}, {where}: {mutant.lines[mutant.line - 1]}")

    def rows(self) -> Iterator[str]:
        for name in sorted(self.planted):
            yield self._row(name, self.found[name], self.notes[name], self.planted[name])
        yield self._row("all", self.found.total(), self.notes.total(), self.planted.total())

    @staticmethod
    def _row(name: str, found: int, notes: int, planted: int) -> str:
        return f"{name:32} {found:4} of {planted:4}" + (f", {notes} as notes" if notes else "")


def main() -> None:
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        for planted in PLANTS:
            for node in nodes(planted.file):
                lines = (node / planted.file).read_text().splitlines()
                for mutant in spread(planted.plant(lines), PLACES):
                    tally.judge(node, planted, mutant, Path(folder))
    print("\n".join(tally.rows()))
    if "--missed" in sys.argv:
        print("\n".join(tally.missed))


if __name__ == "__main__":
    main()
