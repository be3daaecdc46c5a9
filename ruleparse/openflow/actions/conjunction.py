from __future__ import annotations

from dataclasses import dataclass

from ruleparse.openflow.action import Kind, arguments, nothing
from ruleparse.openflow.formats import number
from ruleparse.openflow.syntax import Element


@dataclass(frozen=True, slots=True)
class Clause:
    """The flow is one of those that satisfy clause `which` (from 1) `of` so many, of conjunction `id`."""

    id: int
    which: int
    of: int


def _parse(element: Element) -> Clause:
    inside = arguments(element)
    if len(inside) != 2 or inside[0] is None or inside[1] is None:
        raise ValueError("conjunction takes an id and a clause: conjunction(ID,K/N)")
    which, slash, of = str(inside[1]).strip().partition("/")
    clause = Clause(number(str(inside[0])), number(which), number(of or "0"))
    if not slash or not 1 <= clause.which <= clause.of or not 2 <= clause.of <= 64:
        raise ValueError(f"{inside[1]} is not a clause K/N with N from 2 to 64")
    return clause


ACTION = Kind(
    ("conjunction",),
    """Makes the flow one of those that satisfy a clause of a conjunction. Where one flow of every clause matches, the
    packet is looked up once more with conj_id set, among flows that do something (ovs-fields(7))""",
    "conjunction(ID,K/N)",
    _parse,
    lambda c: f"conjunction({c.id},{c.which}/{c.of})",
    nothing,
)
