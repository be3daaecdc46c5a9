from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ruleparse.openflow.action import Kind, arguments, behind_colon, named
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import PORTS
from ruleparse.openflow.keys import Subfield, subfield
from ruleparse.openflow.steps import Steps, copy_bits, state_bits
from ruleparse.openflow.syntax import Element
from ruleparse.program import Call, Masked, Set


@dataclass(frozen=True, slots=True)
class Output:
    """A port by name or number, or a field that holds it; `word` if it was written bare."""

    port: str = ""
    field: Subfield | None = None
    longest: str | None = None
    word: str = ""


_BARE = ("LOCAL", "IN_PORT", "in_port", "ALL", "FLOOD", "NORMAL", "normal", "flood", "all", "local")


def _parse(element: Element) -> Output:
    if not element.sign and element.word != "output":
        return Output(element.word.upper(), word=element.word.upper())
    if element.word in _BARE:
        return Output(element.word.upper(), longest=behind_colon(element))
    if element.sign == "(":
        given = named(arguments(element))
        return Output(given.get("port", ""), longest=given.get("max_len", ""))
    text = behind_colon(element)
    if text.endswith("]") or text.startswith(("NXM_", "OXM_")):
        return Output(field=subfield(text))
    return Output(text)


def _show(output: Output) -> str:
    if output.word:
        return output.word
    if output.longest is not None:
        return f"output(port={output.port},max_len={output.longest})"
    return f"output:{output.field or output.port}"


def _lower(output: Output, steps: Steps) -> None:
    if output.field is None:
        steps.do(Set(OUT_PORT, PORTS.get(output.port) or steps.bridge.port(output.port)), Call("output"))
        return
    actions = (Set(OUT_PORT, 0), *copy_bits(output.field, _OUT_BITS), Call("output"))
    if beyond := tuple(_beyond(output.field)):
        steps.when(beyond, *actions)
    else:
        steps.do(*actions)


def _beyond(field: Subfield) -> Iterator[Masked]:
    """Numbers of more than 16 bits are no ports: that all bits above are 0."""
    at = 0
    for part in field.parts():
        low = max(0, _OUT_BITS.width - at)
        if part.width > low:
            yield Masked(part.field, 0, (1 << part.offset + part.width) - (1 << part.offset + low))
        at += part.width


OUT_PORT = flow("out_port")


_OUT_BITS = state_bits("out_port", 16)

ACTION = Kind(
    ("output", *_BARE),
    """Sends a copy of the packet as it is now to a port, and goes on. Never to the port it came in by, but for
    IN_PORT. NORMAL forwards as a learning switch does, FLOOD and ALL to every other port (ovs-actions(7)).""",
    "output:PORT | output:FIELD[BITS] | output(port=PORT,max_len=N) | LOCAL | IN_PORT | NORMAL | FLOOD | ALL",
    _parse,
    _show,
    _lower,
    slot="output",
)
