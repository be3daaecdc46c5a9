from __future__ import annotations

from dataclasses import dataclass

from ruleparse.openflow.action import Kind, arguments
from ruleparse.openflow.choices import choose
from ruleparse.openflow.formats import number
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.links import ALGORITHMS, HASHES, hash_of, link, mixes
from ruleparse.openflow.steps import Steps, write_number
from ruleparse.openflow.syntax import Element
from ruleparse.packet import Packet


@dataclass(frozen=True, slots=True)
class Multipath:
    written: Element
    fields: str
    basis: int
    algorithm: str
    links: int
    argument: int
    target: Subfield


def _parse(element: Element) -> Multipath:
    inside = [str(e) for e in arguments(element)]
    if len(inside) != 6:
        raise ValueError("multipath takes six arguments: multipath(fields,basis,algorithm,n_links,arg,FIELD[BITS])")
    fields, basis, algorithm, links, argument, target = inside
    if fields not in HASHES or algorithm not in ALGORITHMS:
        raise ValueError(f"{element}: there are fields {', '.join(HASHES)} and algorithms {', '.join(ALGORITHMS)}")
    if not 1 <= number(links) <= _MOST:
        raise ValueError(f"{element}: it has 1 to {_MOST} links")
    return Multipath(element, fields, number(basis), algorithm, number(links), number(argument), subfield(target))


_MOST = 1 << 16


def _lower(m: Multipath, steps: Steps) -> None:
    def pick(packet: Packet) -> int | None:
        hashed = hash_of(m.fields, packet, m.basis)
        return None if hashed is None else link(m.algorithm, hashed, m.links, m.argument)

    cases = [write_number(m.target, n) for n in range(m.links)]
    choose(steps, "the hash that multipath takes", cases, pick, mixes(m.fields, m.algorithm))


ACTION = Kind(
    ("multipath",),
    "Hashes the packet and stores which of so many links it shall take.",
    "multipath(FIELDS,BASIS,ALGORITHM,N_LINKS,ARG,FIELD[BITS])",
    _parse,
    lambda m: str(m.written),
    _lower,
)
