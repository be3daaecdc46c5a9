"""Who reaches whom by address: the address space in classes that fare alike, and a matrix of them.

For firewalls without pods and services; of a whole node, or of one chain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from string import ascii_uppercase
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.codec import interface
from ruleparse.evaluate import End, Walk, walk
from ruleparse.fates.whole import RulePattern
from ruleparse.interface_atoms import Atom
from ruleparse.packet import FIELDS, Unknowns
from ruleparse.parties import ADDRESSES, Party
from ruleparse.query.host import ROOMS, Asking, question_of, with_room
from ruleparse.query.matrix import MOST, REFUSED, Matrix, cells_between, left_out
from ruleparse.sets.address_classes import classes, moved, prefixes_of
from ruleparse.snapshot import Snapshot
from ruleparse.spec import CT_STATES, Asked, SpecError


def address_matrix(
    snapshot: Snapshot,
    spec: Mapping[str, Any],
    chain: str | None = None,
    most: int = MOST,
) -> Matrix:
    """The classes of addresses for packets of a description, and what becomes of these: by a whole node, or by one base
    `chain` (`[TABLE ]CHAIN`) alone.

    Raises SpecError, MemoryError, RecursionError.
    """
    spec = {key: value for key, value in spec.items() if value is not None}
    return with_room(lambda nodes: _matrix(asking_of(snapshot, spec, chain, nodes), most), [snapshot])


def asking_of(snapshot: Snapshot, spec: Mapping[str, Any], chain: str | None, nodes: int = ROOMS[0]) -> Asking:
    """The packets of a description, of a whole node or at one base chain. Raises SpecError, MemoryError."""
    question = question_of([snapshot], spec, nodes, also=() if chain is None else _LOOPBACK)
    if not {"src", "dst"} <= question.packet.unknowns.fields.keys():
        raise SpecError("--by address: no class has less than one address; --src and --dst have to be more than that")
    return (
        Asking(snapshot, spec, question, [snapshot]) if chain is None else AskingChain(snapshot, spec, question, chain)
    )


def _matrix(asking: Asking, most: int) -> Matrix:
    reach = asking.question.reach
    ends, unknowns = asking.walk(reach).ends, asking.unknowns
    through, refused = (may_end(so, unknowns, ends) for so in (("accept",), REFUSED))
    parts = classes((through, refused), unknowns, _asked(reach, unknowns))
    shown = parts[:most]
    sources = [(n, bits.both(reach, part)) for n, part in enumerate(shown)]
    targets = [(n, bits.both(reach, moved(part, "dst", unknowns))) for n, part in enumerate(shown)]
    cells = {(cell.source, cell.target): cell for cell in cells_between(asking, ends, sources, targets, brief=True)}
    family = asking.question.family
    parties = [
        Party(ADDRESSES, letters(n), addresses=tuple(prefixes_of(part, unknowns, family)))
        for n, part in enumerate(shown)
    ]
    notes = [left_out(len(parts), most, "classe")] if len(parts) > most else []
    asked = {**asking.spec, "chain": asking.entry} if isinstance(asking, AskingChain) else asking.spec
    return Matrix(family, asked, parties, cells, notes, asking.words.snapshot.all_diagnostics())


def may_end(so: Collection[str], unknowns: Unknowns, ends: Iterable[End]) -> Bool:
    """The pairs of addresses of which some packet may meet these verdicts, whatever else it is and whatever is open."""
    others = [v for name in unknowns.fields if name not in ("src", "dst") for v in unknowns.variables[name]]
    others += [variable for variable, _ in unknowns.assumptions.values()]
    return bits.any_of(bits.exists(end.when, others) for end in ends if end.stop.verdict in so)


def _asked(reach: Bool, unknowns: Unknowns) -> Bool:
    """The addresses, as sources, that packets were asked about, from or to."""
    variables = unknowns.variables
    sources, destinations = (
        bits.exists(reach, [v for name in variables if name != end for v in variables[name]]) for end in ("src", "dst")
    )
    return bits.either(sources, moved(destinations, "src", unknowns))


def letters(n: int) -> str:
    """A, B … Z, AA, AB …"""
    return (letters(n // 26 - 1) if n > 25 else "") + ascii_uppercase[n % 26]


class AskingChain(Asking):
    """What one base chain does with packets, as they are at its hook, their interfaces unknown if nobody gave them."""

    def __init__(self, snapshot: Snapshot, spec: Mapping[str, Any], question: Asked, chain: str) -> None:
        packet = question.packet
        super().__init__(snapshot, spec, question, [snapshot])
        self.entry = self.base_chain(chain)
        hook = FIELDS["hook"].values.index(self.entry.rpartition(" ")[2])
        comes, leaves = hook in _WITH_IN, hook in _WITH_OUT
        given = packet.values.get("out_given") or bits.number(packet.unknowns.field("out_given"))
        out = given if leaves else 0
        there: dict[str, Number] = {
            "hook": hook,
            "out": out,
            "route_out": 0,
            "ct_state": packet.values.get("ct_given", CT_STATES["NEW"]),
        }
        self.question = replace(question, packet=packet.but(there if comes else {**there, "in": 0}))

    def atoms(self) -> Sequence[Atom]:
        return (*_LOOPBACK, *super().atoms())

    def walk(self, reach: Bool, *, naming: bool = False) -> Walk:
        return walk(self.words.program, self.entry, self.question.packet, None, reach, naming=naming)

    def base_chain(self, wanted: str) -> str:
        """The program's table of a base chain; of several, that of table filter. Raises SpecError."""
        pattern = RulePattern.of(wanted)
        found = [
            name
            for name, chain in self.words.program.chains.items()
            if chain.policy is not None and pattern.fits_chain(name.split(" ")[-2], chain.name)
        ]
        of_filter = [name for name in found if name.split(" ")[-2] == "filter"]
        if len(found) != 1 and len(of_filter) != 1:
            raise SpecError(f"--chain {wanted}: there are {len(found)} such base chains; say TABLE CHAIN")
        return (of_filter or found)[0]


_LOOPBACK = (Atom(interface("lo"), "lo"),)
"""By which packets that arrive do not come in, but those do that a chain sees."""

_WITH_IN, _WITH_OUT = (0, 1, 2), (2, 3, 4)
"""Hooks where packets have an interface that they came in by, or leave by (enum nf_inet_hooks)."""
