from __future__ import annotations

from dataclasses import dataclass

from ruleparse.openflow.action import Kind, arguments
from ruleparse.openflow.choices import choose
from ruleparse.openflow.formats import number
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.steps import Steps, write_number
from ruleparse.openflow.syntax import Element


@dataclass(frozen=True, slots=True)
class Multipath:
    written: Element
    links: int
    target: Subfield


def _parse(element: Element) -> Multipath:
    inside = [str(e) for e in arguments(element)]
    if len(inside) != 6:
        raise ValueError("multipath takes six arguments: multipath(fields,basis,algorithm,n_links,arg,FIELD[BITS])")
    return Multipath(element, number(inside[3]), subfield(inside[5]))


def _lower(m: Multipath, steps: Steps) -> None:
    links = [write_number(m.target, n) for n in range(m.links)]
    choose(steps, "the hash that multipath takes", [(1.0, actions) for actions in links])


ACTION = Kind(
    ("multipath",),
    "Hashes the packet and stores which of so many links it shall take.",
    "multipath(FIELDS,BASIS,ALGORITHM,N_LINKS,ARG,FIELD[BITS])",
    _parse,
    lambda m: str(m.written),
    _lower,
    state="unknown",
)
