"""What flows of one shape match, read column by column: as many numbers as flows, but few questions asked of Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

from ruleparse.openflow.cutting import Column, is_one
from ruleparse.openflow.fields import flow as flow_field
from ruleparse.openflow.flows import DEFAULT_PRIORITY, Condition, condition, matching
from ruleparse.openflow.formats import full, number
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
    """A field whose value varies: values by flow, in the place where the packet has them, and their masks."""

    field: str
    values: Sequence[int]
    masks: Sequence[int]
    """by flow; one if it is the same for all"""

    def some(self, places: Sequence[int]) -> _Column:
        masks = self.masks if len(self.masks) == 1 else [self.masks[at] for at in places]
        return _Column(self.field, [self.values[at] for at in places], masks)


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
    field = flow_field(key.parts[0].field)
    if key.format.whole is not None and key.name not in PORT_KEYS and "/" not in "".join(texts):
        return _Column(field, _whole(key, texts), [full(key.parts[0].width) << key.parts[0].offset])
    distinct = set(texts)
    if key.name in PORT_KEYS:
        read = {text: _one(condition(name, text, protocol), port) for text in distinct}
    else:
        read = {text: _placed(key, text) for text in distinct}
    masks = {mask for _, mask in read.values()}
    return _Column(
        field, [read[text][0] for text in texts], list(masks) if len(masks) == 1 else [read[text][1] for text in texts]
    )


def _whole(key: FlowKey, texts: Column) -> tuple[int, ...]:
    """Values without masks, as `_placed` places them."""
    assert key.format.whole is not None
    if is_one(texts):
        return (_placed(key, texts[0])[0],) * len(texts)
    values, (part,) = key.format.whole(texts), key.parts
    if min(values) < 0 or max(values) >> part.width:
        raise _NotByColumn
    return tuple([value << part.offset for value in values]) if part.offset else tuple(values)


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
    columns = varying if isinstance(places, range) else [column.some(places) for column in varying]
    for masks, inside in _together(columns, len(places)):
        fields = {column.field: mask for column, mask in zip(columns, masks, strict=True) if mask}
        values: dict[str, Iterable[int]] = {
            column.field: column.values if len(inside) == len(places) else column.some(inside).values
            for column in columns
        }
        for name, (value, mask) in constant.items():
            fields[name], values[name] = mask, repeat(value, len(inside))
        bits = tuple(sorted(fields.items()))
        rows = list(zip(*[values[name] for name, _ in bits], strict=True)) if bits else [()] * len(inside)
        yield Alike(bits, priority, rows, places if len(inside) == len(places) else [places[at] for at in inside])


def _together(columns: Sequence[_Column], count: int) -> Iterator[tuple[tuple[int, ...], Sequence[int]]]:
    """The masks of flows, and the flows that have them."""
    if all(len(column.masks) == 1 for column in columns):
        yield tuple([column.masks[0] for column in columns]), range(count)
        return
    found: dict[tuple[int, ...], list[int]] = {}
    by_flow = (column.masks if len(column.masks) > 1 else repeat(column.masks[0], count) for column in columns)
    for at, masks in enumerate(zip(*by_flow, strict=True)):
        found.setdefault(masks, []).append(at)
    yield from found.items()
