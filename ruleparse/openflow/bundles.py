"""`bundle` and `bundle_load`: one of several ports, the first that is up or one by a hash."""

from __future__ import annotations

from dataclasses import dataclass

from ruleparse.openflow.action import Kind, arguments
from ruleparse.openflow.choices import choose
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import number
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.links import HASHES, hash_of, member
from ruleparse.openflow.steps import Steps, write_number
from ruleparse.openflow.syntax import Element, words
from ruleparse.packet import Packet
from ruleparse.program import Action, Call, Set


@dataclass(frozen=True, slots=True)
class Bundle:
    written: Element
    fields: str
    basis: int
    algorithm: str
    members: tuple[str, ...]
    target: Subfield | None


def bundle(name: str) -> Kind:
    """Either of the two; only `bundle_load` has a field to load."""
    loads = name == "bundle_load"

    def parse(element: Element) -> Bundle:
        inside = list(words(arguments(element)))
        at = next((i for i, e in enumerate(inside) if e.word in ("members", "slaves")), None)
        if at is None or at != (5 if loads else 4):
            raise ValueError(f"{name} takes fields, basis, algorithm, ofport{', field' if loads else ''}, members")
        members = (inside[at].text, *(str(e) for e in inside[at + 1 :]))
        fields, basis, algorithm = (str(e) for e in inside[:3])
        if fields not in HASHES or algorithm not in ("active_backup", "hrw"):
            raise ValueError(
                f"{name}({fields},…,{algorithm}): there are fields {', '.join(HASHES)}, active_backup, hrw"
            )
        target = subfield(str(inside[4])) if loads else None
        return Bundle(element, fields, number(basis), algorithm, tuple(filter(None, members)), target)

    def lower(b: Bundle, steps: Steps) -> None:
        up = steps.bridge.ports_up()
        members = [steps.bridge.port(m) for m in b.members]
        is_up = [up is None or m in up for m in members]
        cases = [_actions(b.target, port) for port in (*members, 0xFFFF)]

        def pick(packet: Packet) -> int | None:
            if not any(is_up):
                return len(members)
            if b.algorithm == "active_backup":
                return is_up.index(True)
            hashed = hash_of(b.fields, packet, b.basis)
            return None if hashed is None else member(hashed, is_up)

        choose(steps, f"the hash that {name} takes", cases, pick, b.algorithm != "active_backup" and any(is_up))

    return Kind(
        (name,),
        "Sends the packet to one of several ports that are up." if not loads else "Stores one of several ports.",
        f"{name}(FIELDS,BASIS,ALGORITHM,ofport{',FIELD[BITS]' if loads else ''},members:PORT,…)",
        parse,
        lambda b: str(b.written),
        lower,
    )


def _actions(target: Subfield | None, port: int) -> tuple[Action, ...]:
    if target is None:
        return (Set(flow("out_port"), port), Call("output"))
    return write_number(target, port)
