"""What the switch said against an answer of `ruleparse why`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tests.oracle.compare import EXACT, SILENT, UNKNOWN, WRONG, Judgement
from tests.oracle.ovs.trace import Trace

LOCAL = 65534
_ASKED = ("src", "dst", "sport", "dport", "ttl", "tos")
Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Compared:
    """What a trace and an outcome have in common, in one form: flows hit, ports, the headers at each of them."""

    steps: list[Key]
    ports: Counter[int]
    headers: Counter[tuple[tuple[str, str], ...]]


def judge(
    trace: Trace, ports: dict[int, int], answer: dict[str, Any] | None, names: Mapping[int, str] = MappingProxyType({})
) -> Judgement:
    """`ports` is OpenFlow's number of each port of the datapath; `names` are those of tables, which a dump has instead
    of their numbers."""
    outcomes = (answer or {}).get("outcomes")
    if not outcomes:
        return Judgement(SILENT, "outcomes", "no outcomes")
    truth, numbers = of_trace(trace, ports), {name: number for number, name in names.items()}
    said = [of_outcome(outcome, numbers) for outcome in outcomes]
    if trace.stops_at_a_choice:
        found = [_goes_on_from(truth, one) for one in said]
        return next((difference for difference in found if difference), Judgement(EXACT))
    differences = [_difference(truth, one) for one in said]
    if None in differences:
        return Judgement(EXACT) if _is_sure(outcomes) else Judgement(UNKNOWN)
    return min((found for found in differences if found), key=lambda found: _ORDER.index(found.what))


_ORDER = ("headers", "outputs", "flows")


def of_trace(trace: Trace, ports: dict[int, int]) -> Compared:
    steps = [(step.table, step.priority) for step in trace.steps if step.priority is not None]
    out = [(ports.get(output.port, output.port), output.headers) for output in trace.outputs]
    return Compared(steps, Counter(port for port, _ in out), Counter(_plain(port, headers) for port, headers in out))


def of_outcome(outcome: dict[str, Any], numbers: Mapping[str, int]) -> Compared:
    steps = [
        (numbers.get(str(step["table_name"]), step["table"]), step["priority"])
        for step in outcome.get("steps") or ()
        if step.get("bridge") and step.get("priority") is not None
    ]
    egress = outcome.get("egress")
    out = [(_number(way), way.get("packet") or {}) for way in egress] if isinstance(egress, list) else []
    return Compared(steps, Counter(port for port, _ in out), Counter(_plain(port, packet) for port, packet in out))


def _number(way: dict[str, Any]) -> int:
    return LOCAL if way.get("port") == "LOCAL" else int(way["port"])


def _plain(port: int, headers: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """ARP has addresses but none of an IP packet's, as ruleparse tells them apart."""
    known = {name: str(headers[name]) for name in _ASKED if headers.get(name) is not None and "ttl" in headers}
    return (("port", str(port)), *sorted(known.items()))


def _is_sure(outcomes: list[dict[str, Any]]) -> bool:
    """Several outcomes are fine when only chance decides between them."""
    by_chance = len(outcomes) == 1 or all((outcome.get("probability") or 0) < 1 for outcome in outcomes)
    return by_chance and not any(outcome.get("assumptions") or outcome.get("when") for outcome in outcomes)


def _difference(truth: Compared, said: Compared) -> Judgement | None:
    if truth.steps != said.steps:
        return _wrong("flows", truth.steps, said.steps)
    if truth.ports != said.ports:
        return _wrong("outputs", sorted(truth.ports.elements()), sorted(said.ports.elements()))
    if truth.headers != said.headers:
        return _wrong("headers", *_apart(truth.headers, said.headers))
    return None


def _goes_on_from(truth: Compared, said: Compared) -> Judgement | None:
    """The trace saw a part of the way."""
    if Counter(truth.steps) - Counter(said.steps):
        return _wrong("flows", truth.steps, said.steps)
    if truth.ports - said.ports:
        return _wrong("outputs", sorted(truth.ports.elements()), sorted(said.ports.elements()))
    return None


def _apart(truth: Counter[Any], said: Counter[Any]) -> tuple[list[Any], list[Any]]:
    return list(truth - said), list(said - truth)


def _wrong(what: str, switch: Iterable[object], ours: Iterable[object]) -> Judgement:
    return Judgement(WRONG, what, f"{what}: the switch says {list(switch)}, we say {list(ours)}")
