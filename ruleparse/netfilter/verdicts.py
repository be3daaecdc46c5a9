"""How verdicts are written down, for the targets that give one."""

from __future__ import annotations

from ruleparse.netfilter.extension import Context, Givens
from ruleparse.program import Action, Set, Stop

DECIDING_TABLE = "filter"


def accept(_: Givens, context: Context) -> tuple[Action, ...]:
    return accepted(context.table, context.handle)


def accepted(table: str, handle: int) -> tuple[Action, ...]:
    """An accept in the filter table is what decided, should the packet get through."""
    decided = (Set("decided", handle),) if table == DECIDING_TABLE else ()
    return (*decided, Stop("accept"))
