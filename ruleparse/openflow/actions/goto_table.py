from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.calls import enter
from ruleparse.openflow.steps import Steps


def _lower(table: str, steps: Steps) -> None:
    enter(steps, table.strip('"'))


ACTION = Kind(
    ("goto_table",),
    "Goes on in a later table. It is always the last action of its flow.",
    "goto_table:TABLE",
    behind_colon,
    lambda table: f"goto_table:{table}",
    _lower,
    leads=lambda table, _: [("goto", f"table {table.strip(chr(34))}")],
)
