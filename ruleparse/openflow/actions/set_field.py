from __future__ import annotations

from dataclasses import dataclass

from ruleparse.openflow.action import Kind, behind_colon
from ruleparse.openflow.formats import full
from ruleparse.openflow.keys import BY_NAME, PORT_KEYS, FlowKey, Subfield
from ruleparse.openflow.steps import Steps, write_number
from ruleparse.openflow.syntax import Element


@dataclass(frozen=True, slots=True)
class SetField:
    """`port` is the value of a field that holds a port, where its name was written."""

    key: FlowKey
    value: int
    mask: int
    port: str | None = None
    masked: bool = False
    """whether a mask was written, be it one that leaves nothing out"""


def _parse(element: Element) -> SetField:
    value, arrow, name = behind_colon(element).rpartition("->")
    key = BY_NAME.get(name)
    if not arrow or key is None:
        raise ValueError(f"{name} is not a field that is known")
    if key.name in PORT_KEYS and not value[:1].isdecimal():
        return SetField(key, 0, full(key.width), value)
    return SetField(key, *key.parse_set(value), masked="/" in value)


def _show(s: SetField) -> str:
    value = s.port or s.key.show_set(s.value, s.mask)
    mask = f"/{s.mask:#x}" if s.masked and "/" not in value else ""
    return f"set_field:{value}{mask}->{s.key.name}"


def _lower(s: SetField, steps: Steps) -> None:
    value = s.value if s.port is None else steps.bridge.port(s.port)
    steps.needing(s.key.needs, *write_number(Subfield(s.key, 0, s.key.width, s.key.name), value, s.mask))


ACTION = Kind(
    ("set_field",),
    "Sets a field, or the bits of it under a mask. It leaves packets alone that have no such field.",
    "set_field:VALUE[/MASK]->FIELD",
    _parse,
    _show,
    _lower,
    slot="set",
)
