from __future__ import annotations

from dataclasses import dataclass

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.steps import Steps, copy_bits
from ruleparse.openflow.syntax import Element


@dataclass(frozen=True, slots=True)
class Move:
    source: Subfield
    target: Subfield


def _parse(element: Element) -> Move:
    source, _, target = behind_colon(element).partition("->")
    move = Move(subfield(source), subfield(target))
    if move.source.width != move.target.width:
        raise ValueError(f"{source} and {target} have different widths")
    return move


def _lower(move: Move, steps: Steps) -> None:
    steps.do(*copy_bits(move.source, move.target))


ACTION = Kind(
    ("move",),
    "Copies bits of one field to another.",
    "move:FIELD[BITS]->FIELD[BITS]",
    _parse,
    lambda move: f"move:{move.source}->{move.target}",
    _lower,
    slot="set",
)
