"""`bundle` and `bundle_load`: one of several ports, the first that is up or one by a hash."""

from __future__ import annotations

from dataclasses import dataclass

from ruleparse.openflow.action import Kind, arguments
from ruleparse.openflow.choices import choose
from ruleparse.openflow.fields import flow
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.steps import Steps, write_number
from ruleparse.openflow.syntax import Element, words
from ruleparse.program import Action, Call, Set


@dataclass(frozen=True, slots=True)
class Bundle:
    written: Element
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
        return Bundle(
            element, inside[2].word, tuple(filter(None, members)), subfield(str(inside[4])) if loads else None
        )

    def lower(b: Bundle, steps: Steps) -> None:
        there = steps.bridge.ports()
        members = [steps.bridge.port(m) for m in b.members]
        up = [m for m in members if there is None or m in there]
        if b.algorithm == "active_backup":
            up = up[:1]
        done = [_actions(b.target, port) for port in up] or [_actions(b.target, 0xFFFF)]
        choose(steps, f"the hash that {name} takes", [(1.0, actions) for actions in done])

    return Kind(
        (name,),
        "Sends the packet to one of several ports that are up." if not loads else "Stores one of several ports.",
        f"{name}(FIELDS,BASIS,ALGORITHM,ofport{',FIELD[BITS]' if loads else ''},members:PORT,…)",
        parse,
        lambda b: str(b.written),
        lower,
        state="unknown",
    )


def _actions(target: Subfield | None, port: int) -> tuple[Action, ...]:
    if target is None:
        return (Set(flow("out_port"), port), Call("output"))
    return write_number(target, port)
