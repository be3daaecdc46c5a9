"""Entering a flow table from an action."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ruleparse.bits import Bool, at_least, either
from ruleparse.openflow.conditions import given
from ruleparse.openflow.fields import flow
from ruleparse.openflow.steps import FAIL, Steps
from ruleparse.packet import Packet
from ruleparse.program import Add, Call, Rule

MOST_DEEP = 64
"""Entries of the same or an earlier table, and of groups, within each other (ofproto-dpif-xlate.c, MAX_DEPTH)."""
MOST_TABLES = 64 * 64
"""Tables entered by one pass of a packet behind the first (MAX_RESUBMITS)."""

_DEPTH, _TABLES = flow("depth"), flow("resubmits")
COUNT = Add(_TABLES, 1, 0, 0xFFFF)
DEEPER, HIGHER = Add(_DEPTH, 1, 0, 255), Add(_DEPTH, -1, 0, 255)
TOO_MUCH = Rule((), FAIL)


def unless_too_much(packet: Packet, rules: Iterable[Rule]) -> Iterator[Rule]:
    """Some rules, for packets that may enter a further table."""
    when = _too_much(packet)
    if when is not False:
        yield TOO_MUCH if when is True else Rule((given(when),), FAIL)
    if when is not True:
        yield from rules


def _too_much(packet: Packet) -> Bool:
    return either(at_least(packet[_DEPTH], MOST_DEEP), at_least(packet[_TABLES], MOST_TABLES + 1))


def enter(steps: Steps, table: str, port: int | None = None, *, by_connection: bool = False) -> None:
    """Look the packet up in a table and come back."""
    deeper = not steps.bridge.later_than(table, steps.table)
    steps.do(Call(steps.bridge.entry(table, port, deeper=deeper, by_connection=by_connection)))
