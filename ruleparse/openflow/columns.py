"""What flows of one shape match, read column by column: as many numbers as flows, but few questions asked of Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

from ruleparse.openflow.fields import flow as flow_field
from ruleparse.openflow.flows import DEFAULT_PRIORITY, Condition, condition, matching
from ruleparse.openflow.formats import number
from ruleparse.openflow.keys import PORT_KEYS, FlowKey, matched
from ruleparse.openflow.runs import Run
from ruleparse.openflow.syntax import has_holes, hole

Bits = tuple[tuple[str, int], ...]
"""Fields by their names, each with the mask under which it is looked at."""
Port = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Alike:
    """Flows of a run that look at the same bits and have the same priority; the values of these bits in each."""

    bits: Bits
    priority: int
    values: Sequence[tuple[int, ...]]
    places: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Column:
    """A field whose value varies, by flow: value and mask, in the place where the packet has it."""

    field: str
    pairs: list[tuple[int, int]]


def alike(run: Run, port: Port) -> list[Alike] | None:
    """The flows of a run, those together that look at the same bits. None where they have to be read one by one."""
    try:
        return list(_alike(run, port))
    except (ValueError, _NotByColumn):
        return None


class _NotByColumn(Exception):
    """Values that several parts of a line make together, or that are not where their text is."""


def _alike(run: Run, port: Port) -> Iterator[Alike]:
    constant: dict[str, tuple[int, int]] = {}
    varying: list[_Column] = []
    for name, text, protocol in matching(run.shape.holed.items):
        place = hole(text)
        if place is not None:
            varying.append(_column(run, place, name, protocol, port))
        elif text is not None and has_holes(text):
            raise _NotByColumn
        else:
            for test in condition(name, text, protocol).asks(port):
                value, mask = constant.get(test.field, (0, 0))
                constant[test.field] = (value | test.value, mask | test.mask)
    if len({column.field for column in varying} | constant.keys()) < len(varying) + len(constant):
        raise _NotByColumn
    for priority, places in _by_priority(run):
        yield from _by_masks(constant, varying, priority, places)


def _column(run: Run, place: int, name: str, protocol: str, port: Port) -> _Column:
    key = matched(name, protocol)
    if key is None or len(key.parts) != 1 or key.present is not None:
        raise _NotByColumn
    texts = run.column(place)
    if key.name in PORT_KEYS:
        read = {text: _one(condition(name, text, protocol), port) for text in set(texts)}
    else:
        read = {text: _placed(key, text) for text in set(texts)}
    return _Column(flow_field(key.parts[0].field), [read[text] for text in texts])


def _one(condition: Condition, port: Port) -> tuple[int, int]:
    (test,) = condition.asks(port)
    return test.value, test.mask


def _placed(key: FlowKey, text: str) -> tuple[int, int]:
    """As `FlowKey.tests` places it."""
    if text.startswith('"'):
        raise _NotByColumn
    value, mask = key.parse(text)
    (part,) = key.parts
    mask &= (1 << part.width) - 1
    return (value & mask) << part.offset, mask << part.offset


def _by_priority(run: Run) -> Iterator[tuple[int, Sequence[int]]]:
    text = next((text for name, text in run.shape.holed.items if name == "priority"), None)
    place = hole(text)
    if place is None:
        yield DEFAULT_PRIORITY if text is None else number(text), range(len(run))
        return
    texts = run.column(place)
    if texts.count(texts[0]) == len(texts):
        yield number(texts[0]), range(len(run))
        return
    places: dict[int, list[int]] = {}
    numbers = {text: number(text) for text in set(texts)}
    for at, text in enumerate(texts):
        places.setdefault(numbers[text], []).append(at)
    yield from places.items()


def _by_masks(
    constant: dict[str, tuple[int, int]], varying: Sequence[_Column], priority: int, places: Sequence[int]
) -> Iterator[Alike]:
    """Flows of one priority; a field of which no bit is looked at is not looked at."""
    whole = isinstance(places, range)
    pairs = [column.pairs if whole else [column.pairs[at] for at in places] for column in varying]
    masks = [{mask for _, mask in column} for column in pairs]
    groups: dict[tuple[int, ...], Sequence[int]] = {}
    if all(len(found) == 1 for found in masks):
        groups[tuple(next(iter(found)) for found in masks)] = range(len(places))
    else:
        together: dict[tuple[int, ...], list[int]] = {}
        for at, row in enumerate(zip(*pairs, strict=True)):
            together.setdefault(tuple([mask for _, mask in row]), []).append(at)
        groups.update(together)
    for found, inside in groups.items():
        fields = dict.fromkeys(constant, 0) | {
            column.field: mask for column, mask in zip(varying, found, strict=True) if mask
        }
        fields |= {name: mask for name, (_, mask) in constant.items()}
        columns: dict[str, Sequence[tuple[int, int]]] = {
            column.field: values for column, values in zip(varying, pairs, strict=True)
        }
        rows = [
            [columns[name][at][0] for at in inside] if name in columns else repeat(constant[name][0], len(inside))
            for name in sorted(fields)
        ]
        yield Alike(
            tuple((name, fields[name]) for name in sorted(fields)),
            priority,
            list(zip(*rows, strict=True)) if rows else [()] * len(inside),
            [places[at] for at in inside],
        )
