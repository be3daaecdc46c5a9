"""A second, naive evaluator: one packet of plain integers, straight recursion, nothing symbolic, no index.

It knows the language of program tables and nothing of how `ruleparse.evaluate` goes about it. Tests of rules are
asked what they mean as they are; everything else is done here again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from ruleparse.packet import FIELDS, Packet
from ruleparse.program import (
    Add,
    Assign,
    Call,
    Copy,
    Emit,
    Fork,
    Goto,
    Havoc,
    Masked,
    Note,
    Program,
    Remember,
    Return,
    Rule,
    Set,
    Stop,
    Way,
)

WENT_ON, RETURNED = "went on", "returned"


class Unsettled(Exception):
    """A question came up that a packet of plain integers does not answer."""


@dataclass
class Walked:
    """The rules that matched in their order, and how it ended: (verdict, reason, detail) or the ports it went to."""

    hits: list[Rule] = field(default_factory=list)
    packet: dict[str, int] = field(default_factory=dict)
    end: tuple[str, str | None, str | None] | None = None
    sent: list[str] = field(default_factory=list)


def walk(program: Program, entry: str, values: Mapping[str, int]) -> Walked:
    """Raises Unsettled where the dumps do not say."""
    walked = Walked(packet=dict(values))
    stop = _table(program, entry, walked)
    walked.end = (stop.verdict, stop.reason, stop.detail) if isinstance(stop, Stop) else ("accept", None, None)
    return walked


def _table(program: Program, name: str, walked: Walked) -> Stop | str:
    table = program[name]
    for rule in table.rules:
        if all(_holds(program, test, walked.packet) for test in rule.tests):
            done = _rule(program, rule, walked)
            if done == RETURNED and table.base:
                break
            if done != WENT_ON:
                return done
    done = _rule(program, table.default, walked)
    return RETURNED if done == WENT_ON else done


def _rule(program: Program, rule: Rule, walked: Walked) -> Stop | str:
    walked.hits.append(rule)
    for action in rule.actions:
        match action:
            case Return():
                return RETURNED
            case Stop():
                return action
            case Goto(to):
                return _table(program, to, walked)
            case Call(to, catches):
                done = _table(program, to, walked)
                if isinstance(done, Stop) and done.verdict not in catches:
                    return done
            case Fork(to):
                aside = Walked(packet=dict(walked.packet))
                _table(program, to, aside)
                walked.sent += aside.sent
            case Emit(port):
                walked.sent.append(port)
            case Note() | Remember():
                pass
            case Set() | Assign() | Copy() | Add() | Havoc():
                _change(action, walked.packet)
    return WENT_ON


def _change(action: Set | Assign | Copy | Add | Havoc, packet: dict[str, int]) -> None:
    match action:
        case Set(name, value, mask):
            packet[name] = value if mask == -1 else (_value(packet, name) & ~mask) ^ value
        case Assign(name, number):
            if not isinstance(number, int):
                raise Unsettled(name)
            packet[name] = number
        case Copy(target, source, mask, source_mask, left):
            moved = _value(packet, source) & source_mask
            moved = (moved << left if left >= 0 else moved >> -left) & (1 << FIELDS[target].width) - 1
            packet[target] = (_value(packet, target) & ~mask) ^ moved if mask != -1 else moved
        case Add(name, amount, low, high):
            packet[name] = min(max(_value(packet, name) + amount, low), high)
        case Havoc(name):
            raise Unsettled(name)


def _value(packet: Mapping[str, int], name: str) -> int:
    if name in packet:
        return packet[name]
    default = FIELDS[name].default
    if default is None:
        raise Unsettled(name)
    return default


def _holds(program: Program, test: Any, packet: dict[str, int]) -> bool:
    if isinstance(test, Masked):
        return (_value(packet, test.field) & test.mask == test.value) is not test.negated
    result = test.key.means(test.value, Packet(dict(packet)), _world(program))
    if not isinstance(result, bool):
        raise Unsettled(test.key.words)
    return result is not test.negated


def _world(program: Program) -> Any:
    """What a test may ask besides the packet: no questions, only other tables."""

    def ask(question: Any, about: Any = None) -> bool:  # noqa: ARG001
        raise Unsettled(question.question)

    def probe(table: str, packet: Packet) -> Packet:
        walked = Walked(packet={k: v for k, v in packet.values.items() if isinstance(v, int)})
        _table(program, table, walked)
        return Packet(dict(walked.packet))

    return SimpleNamespace(ask=ask, probe=probe, way=Way(0), memory=None, recall=lambda *_, **__: None)
