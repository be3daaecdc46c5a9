"""What `learn` says of the flow that it adds, and that flow for one packet (lib/learn.c, learn_execute)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ruleparse.openflow.action import arguments
from ruleparse.openflow.formats import full, hexadecimal, number
from ruleparse.openflow.keys import BY_HEADER, BY_NAME, KEYS, KEYWORDS, PORT_KEYS, FlowKey, Subfield, matched, subfield
from ruleparse.openflow.syntax import Element, words
from ruleparse.packet import Packet
from ruleparse.text import Span

Source = int | str | Subfield
"""A value, the name of a port, or a field of the packet that is learned from."""
Port = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Learn:
    """`matches` and `loads` are bits of the new flow's and where their value comes from; `outputs` are ports."""

    written: Element
    table: str = "1"
    numbers: tuple[tuple[str, str], ...] = ()
    """priority, timeouts … of the new flow, as they are written"""
    limit: int = 0
    told: Subfield | None = None
    """a bit that says whether a flow was learned"""
    matches: tuple[tuple[Subfield, Source], ...] = ()
    does: tuple[tuple[Subfield | None, Source], ...] = ()
    """loads, and outputs where there is no field"""


@dataclass(frozen=True, slots=True)
class Learning:
    """A `learn` and the flow that it is an action of."""

    learn: Learn
    span: Span | None


_NUMBERS = ("cookie", "idle_timeout", "hard_timeout", "priority")
_NO_NUMBERS = {"fin_idle_timeout", "fin_hard_timeout", "send_flow_rem", "delete_learned"}


def read_learn(element: Element) -> Learn:
    """`learn(table=10,hard_timeout=300,priority=50,eth_type=0x800,NXM_OF_IP_DST[],load:0x1->NXM_NX_REG0[])`. Raises
    ValueError."""
    given: dict[str, str] = {}
    matches: list[tuple[Subfield, Source]] = []
    does: list[tuple[Subfield | None, Source]] = []
    for e in words(arguments(element)):
        if e.word in (*_NUMBERS, "table", "limit", "result_dst") and e.sign == "=":
            given[e.word] = e.text
        elif e.word == "load":
            value, _, target = e.text.partition("->")
            does.append((subfield(target), _source(value)))
        elif e.word == "output":
            does.append((None, subfield(e.text)))
        elif e.word not in _NO_NUMBERS:
            matches.append(_match(e))
    numbers = tuple((name, given[name]) for name in _NUMBERS if name in given)
    told = subfield(given["result_dst"]) if "result_dst" in given else None
    table = given.get("table", "1").strip('"')
    return Learn(element, table, numbers, number(given.get("limit", "0")), told, tuple(matches), tuple(does))


def _source(text: str) -> Source:
    return number(text) if text[:1].isdecimal() else subfield(text)


def _match(e: Element) -> tuple[Subfield, Source]:
    target = subfield(e.word)
    if e.sign != "=":
        return target, target
    if BY_HEADER.get(e.text.partition("[")[0]) or BY_NAME.get(e.text.partition("[")[0]):
        return target, subfield(e.text)
    if target.key.name in PORT_KEYS and not e.text[:1].isdecimal():
        return target, e.text
    value, mask = target.key.parse(e.text) if target.width == target.key.width else (number(e.text), -1)
    if mask not in (-1, full(target.width)):
        raise ValueError(f"{e}: what is learned has no masks")
    return target, value


def learned_line(learn: Learn, packet: Packet, port: Port) -> str:
    """The flow that is learned from a packet, as a dump has it; `port` gives the number of one by its name."""
    head = [f"table={learn.table}", *(f"{name}={text}" for name, text in learn.numbers)]
    doing = ",".join(_action(target, _value(packet, source, port)) for target, source in learn.does)
    return f"{', '.join(head)},{','.join(_conditions(learn, packet, port))} actions={doing or 'drop'}"


def _action(target: Subfield | None, value: int) -> str:
    return f"output:{value & 0xFFFF}" if target is None else f"load:{hexadecimal(value)}->{target}"


def _value(packet: Packet, source: Source, port: Port) -> int:
    if isinstance(source, int):
        return source
    if isinstance(source, str):
        return port(source)
    total, at = 0, 0
    for part in source.parts():
        n = packet[part.field]
        assert isinstance(n, int), "packets of a switch that remembers are known"
        total |= (n >> part.offset & full(part.width)) << at
        at += part.width
    return total


def _conditions(learn: Learn, packet: Packet, port: Port) -> Iterator[str]:
    """What the new flow matches, in the words and the order of a dump."""
    found: dict[FlowKey, tuple[int, int]] = {}
    for target, source in learn.matches:
        value, mask = found.get(target.key, (0, 0))
        bits = full(target.width) << target.offset
        found[target.key] = (value & ~bits | _value(packet, source, port) << target.offset & bits, mask | bits)
    protocol = _protocol(found)
    named = KEYWORDS[protocol].values if protocol else {}
    if protocol:
        yield protocol
    for key in sorted(found, key=KEYS.index):
        value, mask = found[key]
        if not (mask == full(key.width) and all(p.field in named for p in key.parts)):
            yield f"{_name(key, protocol)}={key.show(value, mask)}"


def _protocol(found: dict[FlowKey, tuple[int, int]]) -> str:
    """The keyword that says the most of Ethernet type and protocol."""
    whole = {k.parts[0].field: value for k, (value, mask) in found.items() if mask == full(k.width)}
    fitting = [k for k in KEYWORDS.values() if k.name != "eth" and k.values.items() <= whole.items()]
    return max(fitting, key=lambda k: len(k.values)).name if fitting else ""


def _name(key: FlowKey, protocol: str) -> str:
    """As a dump calls it, where that means this key."""
    return key.shown if matched(key.shown, protocol) == key else key.name
