"""Counters that moved, in words, for every format of `diff`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ruleparse.changes.counters import Counts, Moved
from ruleparse.report.sets_text import amount
from ruleparse.report.why_text import spaced

MOST_MOVED, MOST_ROWS, MOST_VALUES = 20, 3, 8


def moved_by(m: Moved) -> str:
    """`+12 packets, +3,456 octets`"""
    sign = "" if m.reset else "+"
    since = " since a reset" if m.reset else ""
    return f"{sign}{amount(m.packets)}, {sign}{m.octets:,} octet{'' if m.octets == 1 else 's'}{since}"


def packets_of(m: Moved, *, verbose: bool = False) -> Iterator[str]:
    """What the rule counts, a line for each way of packets; nothing if it is not told."""
    if m.counts is None:
        return
    if not m.counts:
        yield "counts none of these packets that starts a connection"
    for c in m.counts:
        whose = "sent by this node" if c.local else "that come in"
        yield f"counts packets {whose}{_when(c, verbose)}"


def _when(c: Counts, verbose: bool) -> str:
    if c.when is None:
        return ", all of them"
    most = (1 << 60, 1 << 60) if verbose else (MOST_ROWS, MOST_VALUES)
    rows = [_row(row, most[1]) for row in c.when[: most[0]]]
    more = len(c.when) - len(rows)
    tail = " and more" if c.when_cut else f" and {more} more" if more else ""
    return f": {' or '.join(rows)}{tail}"


def _row(row: Mapping[str, str], most: int) -> str:
    return ", ".join(f"{name} {spaced(value, most)}" for name, value in row.items()) or "anything else"
