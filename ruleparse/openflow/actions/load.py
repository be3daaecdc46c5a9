from __future__ import annotations

from dataclasses import dataclass

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.formats import hexadecimal, number
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.steps import Steps, write_number
from ruleparse.openflow.syntax import Element


@dataclass(frozen=True, slots=True)
class Load:
    value: int
    target: Subfield


def _parse(element: Element) -> Load:
    value, arrow, target = behind_colon(element).partition("->")
    if not arrow:
        raise ValueError("load takes a value and a field: load:VALUE->FIELD[BITS]")
    field = subfield(target)
    found = number(value)
    if found >> field.width:
        raise ValueError(f"{value} does not fit into {target}")
    return Load(found, field)


def _lower(load: Load, steps: Steps) -> None:
    steps.needing(load.target.key.needs, *write_number(load.target, load.value))


ACTION = Kind(
    ("load",),
    "Sets bits of a field to a number.",
    "load:VALUE->FIELD[BITS]",
    _parse,
    lambda load: f"load:{hexadecimal(load.value)}->{load.target}",
    _lower,
    slot="set",
)
