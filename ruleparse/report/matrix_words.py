"""A matrix as people read it: parties that fare alike are one row and one column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ruleparse.parties import ADDRESSES, Party
from ruleparse.query.matrix import DEPENDS, PARTLY, REFUSED, SOMEHOW, Cell, Matrix

_MOST_MEMBERS = 3
_KINDS = {"node": "this node"}


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` and `columns` are groups of parties; `verdicts` of each row and column, None where no packet was asked
    about.
    """

    rows: Sequence[Sequence[int]]
    columns: Sequence[Sequence[int]]
    verdicts: Sequence[Sequence[str | None]]


def table(answer: Matrix, *, merged: bool = True) -> Table:
    """The matrix by groups of parties of one kind who fare alike; `merged` False leaves each for itself."""
    everybody = range(len(answer.parties))
    sources = [i for i in everybody if any((i, j) in answer.cells for j in everybody)]
    targets = [j for j in everybody if any((i, j) in answer.cells for i in everybody)]

    def verdict(i: int, j: int) -> str | None:
        cell = answer.cells.get((i, j))
        return None if cell is None else cell.verdict

    kinds = [p.kind if merged else str(i) for i, p in enumerate(answer.parties)]
    rows = _alike(sources, kinds, lambda i: [verdict(i, j) for j in targets])
    by_column = {j: [line[n] for _, line in rows] for n, j in enumerate(targets)}
    columns = _alike(targets, kinds, by_column.__getitem__)
    verdicts = [[column[n] for _, column in columns] for n in range(len(rows))]
    return Table([group for group, _ in rows], [group for group, _ in columns], verdicts)


Line = list[str | None]


def _alike(
    members: Sequence[int], kinds: Sequence[str], line_of: Callable[[int], Line]
) -> list[tuple[list[int], Line]]:
    """Members of one kind whose lines agree wherever both say something."""
    found: list[tuple[list[int], Line]] = []
    for member in members:
        line = line_of(member)
        for group, known in found:
            if kinds[group[0]] == kinds[member] and all(
                None in (a, b) or a == b for a, b in zip(known, line, strict=True)
            ):
                known[:] = [b if a is None else a for a, b in zip(known, line, strict=True)]
                group.append(member)
                break
        else:
            found.append(([member], line))
    return found


def pieces(parties: Sequence[Party]) -> tuple[str, ...]:
    """What a group is called, in parts: what they are, and each of them; of many the first."""
    kind = _KINDS.get(parties[0].kind, parties[0].kind)
    shown = parties if len(parties) <= _MOST_MEMBERS else parties[: _MOST_MEMBERS - 1]
    more = [f"and {len(parties) - len(shown)} more"] if len(parties) > len(shown) else []
    return (kind if len(parties) == 1 else f"{len(parties)} {kind}s", *map(_member, shown), *more)


def label(parties: Sequence[Party]) -> str:
    """`pod default/web 10.244.1.7`, `2 pods: default/web 10.244.1.7, 10.244.1.8`"""
    if parties[0].kind == ADDRESSES:
        return ", ".join(str(party.name) for party in parties)
    kind, *members = pieces(parties)
    if len(parties) == 1:
        return f"{kind} {members[0]}"
    return f"{kind}: {', '.join(members)}".replace(", and ", " and ")


def legend(answer: Matrix, most: int) -> Iterator[tuple[str, str]]:
    """Classes of addresses: how they are called, and their ranges."""
    for party in answer.parties:
        if party.kind == ADDRESSES:
            ranges = party.ranges if party.addresses else [party.where]
            more = f" and {len(ranges) - most} more" if len(ranges) > most else ""
            yield str(party.name), ", ".join(ranges[:most]) + more


def _member(party: Party) -> str:
    return " ".join(filter(None, (party.name, party.where, party.remark)))


def mixed(answer: Matrix, shown: Table) -> Iterator[tuple[Cell, int]]:
    """Cells whose packets have several verdicts: of two groups the first, and how many more there are."""
    for row, verdicts in zip(shown.rows, shown.verdicts, strict=True):
        for column, verdict in zip(shown.columns, verdicts, strict=True):
            if verdict in (PARTLY, DEPENDS):
                first, *more = [answer.cells[i, j] for i in row for j in column if (i, j) in answer.cells]
                yield first, len(more)


@dataclass(frozen=True, slots=True)
class Refused:
    """Whom one rule, or the kernel, keeps from whom."""

    verdict: str
    by: str
    target: int
    sources: Sequence[int]


def refused(answer: Matrix, by: Callable[..., str]) -> Iterator[Refused]:
    """By rule and target, who gets nowhere. `by` says in words who decided."""
    found: dict[tuple[str, str, int], list[int]] = {}
    for cell in answer.cells.values():
        for met in cell.fates:
            if cell.verdict in (*REFUSED, SOMEHOW):
                sources = found.setdefault((met.verdict, by(met), cell.target), [])
                sources += [cell.source] if cell.source not in sources else []
    for (verdict, whom, target), sources in found.items():
        yield Refused(verdict, whom, target, sources)
