"""The names of a bridge's tables, as `dump-table-features` and `dump-tables` say them."""

from __future__ import annotations

from collections.abc import Iterable

from ruleparse.openflow.by_line import lines
from ruleparse.text import Diagnostic, Source


def read_table_names(sources: Iterable[Source]) -> tuple[dict[str, int], list[Diagnostic]]:
    """The numbers of tables by their names. Never raises."""
    found: dict[str, int] = {}
    problems: list[Diagnostic] = []
    for source in sources:
        for line, _ in lines(source, "ovs_tables", "tables"):
            if isinstance(line, Diagnostic):
                problems.append(line)
            elif line.data == "table" and line.children[1] is not None:
                found[str(line.children[1])[1:-1]] = int(str(line.children[0]))
    return found, problems
