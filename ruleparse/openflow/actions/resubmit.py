from __future__ import annotations

from dataclasses import dataclass

from ruleparse.openflow.action import Kind, arguments, behind_colon
from ruleparse.openflow.calls import enter
from ruleparse.openflow.steps import Steps
from ruleparse.openflow.syntax import Element


@dataclass(frozen=True, slots=True)
class Resubmit:
    """Port and table as written; empty where left out. `tuple` is whether it looks for the connection's tuple."""

    port: str
    table: str
    tuple: bool = False
    colon: bool = False


def _parse(element: Element) -> Resubmit:
    if element.sign == ":":
        return Resubmit(behind_colon(element), "", colon=True)
    parts = [("" if e is None else str(e)) for e in arguments(element)]
    if not 1 <= len(parts) <= 3 or (len(parts) == 3 and parts[2] != "ct"):
        raise ValueError("resubmit takes a port and a table: resubmit(PORT,TABLE)")
    return Resubmit(parts[0], parts[1] if len(parts) > 1 else "", len(parts) == 3)


def _show(r: Resubmit) -> str:
    if r.colon:
        return f"resubmit:{r.port}"
    return f"resubmit({r.port},{r.table}{',ct' if r.tuple else ''})"


def _table(r: Resubmit, here: str) -> str:
    table = r.table.strip('"')
    return here if table in ("", "255") else table


def _lower(r: Resubmit, steps: Steps) -> None:
    port = None if r.port in ("", "IN_PORT", "in_port") else steps.bridge.port(r.port)
    enter(steps, _table(r, steps.table), port, by_connection=r.tuple)


ACTION = Kind(
    ("resubmit",),
    """Looks the packet up in a table, does what is found there, and comes back. PORT stands in for the packet's in_port
    in that one lookup; without TABLE, or with 255, it is the same table (ovs-actions(7)).""",
    "resubmit(PORT,TABLE) | resubmit(,TABLE[,ct]) | resubmit:PORT",
    _parse,
    _show,
    _lower,
    slot="resubmit",
    leads=lambda r, here: [("resubmit", f"table {_table(r, here)}")],
)
