"""How often which match and target was hit, and how often ruleparse was right about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.oracle.compare import EXACT, SILENT, UNKNOWN, WRONG, Judgement
from tests.oracle.dump import Dump, extensions
from tests.oracle.recording import Record

_COLUMNS = (EXACT, UNKNOWN, WRONG, SILENT)


@dataclass(slots=True)
class Tally:
    total: Counter[str] = field(default_factory=Counter)
    by_extension: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    differences: Counter[str] = field(default_factory=Counter)

    def add(self, dump: Dump, packet: Record, judgement: Judgement) -> None:
        self.total[judgement.kind] += 1
        self.differences[judgement.what] += bool(judgement.what)
        for used in used_by(dump, packet):
            self.by_extension[used][judgement.kind] += 1

    @property
    def judged(self) -> int:
        return self.total.total()

    def table(self) -> str:
        """Packets whose hit rules used an extension, by judgement."""
        lines = [f"{'':14}{'packets':>9}" + "".join(f"{column:>11}" for column in _COLUMNS)]
        for name, counts in [*sorted(self.by_extension.items(), key=lambda item: item[0].lower()), ("all", self.total)]:
            lines.append(
                f"{name:14}{counts.total():>9}" + "".join(f"{counts[column] or '':>11}" for column in _COLUMNS)
            )
        return "\n".join(lines)


def used_by(dump: Dump, packet: Record) -> set[str]:
    return {used for *key, _ in packet["hits"] if key[2] for used in extensions(dump.rule((key[0], key[1], key[2])))}
