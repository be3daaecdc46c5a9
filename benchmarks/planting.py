"""How defects are planted in the corpora's healthy nodes, and what dumps are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

CORPORA = Path(__file__).parent.parent / "corpora"
RULES, SETS, FLOWS, GROUPS = "iptables-save.txt", "ipset-save.txt", "flows.txt", "groups.txt"


@dataclass(frozen=True)
class Mutant:
    """The lines of a dump with a defect, and the number of the line where it has to be found."""

    lines: list[str]
    line: int


Plant = Callable[[list[str]], Iterator[Mutant]]


@dataclass(frozen=True)
class Planted:
    """A way to plant a defect in a file of a node, and the lint rule that is meant to find it."""

    rule: str
    file: str
    plant: Plant

    @property
    def name(self) -> str:
        return self.plant.__name__


PLANTS: list[Planted] = []


def plants(rule: str, file: str = RULES) -> Callable[[Plant], Plant]:
    """Declares a way to plant a defect that a lint rule is meant to find."""

    def add(plant: Plant) -> Plant:
        PLANTS.append(Planted(rule, file, plant))
        return plant

    return add


def where(lines: list[str], pattern: str) -> list[int]:
    return [index for index, line in enumerate(lines) if re.search(pattern, line)]


def without(lines: list[str], pattern: str) -> list[str]:
    return [line for line in lines if not re.search(pattern, line)]


def number(lines: list[str], pattern: str) -> int:
    """Of the first line like this, counted from 1."""
    return where(lines, pattern)[0] + 1


def with_line(lines: list[str], at: int, *new: str) -> list[str]:
    return [*lines[:at], *new, *lines[at:]]


def replaced(lines: list[str], index: int, pattern: str, by: str) -> list[str]:
    changed = list(lines)
    changed[index] = re.sub(pattern, by, changed[index], count=1)
    return changed
