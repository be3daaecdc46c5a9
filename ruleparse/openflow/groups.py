"""Groups: how they are written, and what the buckets of each kind do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ruleparse.openflow.action import Act, read_actions, show_actions
from ruleparse.openflow.formats import number
from ruleparse.openflow.keys import BY_NAME, KEYS, FlowKey
from ruleparse.openflow.syntax import Element, Entry, GroupSyntax
from ruleparse.text import Span

ABOUT_A_BUCKET = ("bucket_id", "weight", "watch_port", "watch_group")
_WIDTHS = {"group_id": 32, "selection_method_param": 64, "bucket_id": 32, "weight": 16}
"""in bits, of the numbers in a group and its buckets (OpenFlow 1.5, 7.3.4.3.1; include/openflow/netronome-ext.h)"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """`given` is what was written about it before its actions; `listed` whether `actions=` was."""

    given: tuple[tuple[str, str], ...]
    actions: tuple[Act, ...]
    listed: bool = True

    def about(self, name: str) -> str | None:
        return next((text for n, text in self.given if n == name), None)

    @property
    def weight(self) -> int | None:
        text = self.about("weight")
        return None if text is None else number(text)

    def __str__(self) -> str:
        given = [f"{name}:{text}" for name, text in self.given]
        acts = show_actions(self.actions)
        return "bucket=" + ",".join([*given, f"actions={acts}" if self.listed else acts])


@dataclass(frozen=True, slots=True)
class Group:
    """One line of dump-groups. `given` is everything before the buckets; `fields` those that `hash` looks at."""

    id: int
    type: str
    given: tuple[Element, ...]
    buckets: tuple[Bucket, ...]
    span: Span

    def about(self, name: str) -> str | None:
        return next((e.text for e in self.given if e.word == name), None)

    @property
    def method(self) -> str:
        """How a select group chooses: `hash`, or by a hash of the datapath's own."""
        return self.about("selection_method") or "dp_hash"

    @property
    def hashed(self) -> tuple[tuple[FlowKey, int], ...]:
        """Fields under masks that `hash` looks at, in the order in which OVS knows them. Raises ValueError."""
        wanted: dict[str, int] = {}
        for e in self.given:
            if e.word == "fields":
                inside = e.inside if e.sign == "(" else (Element(e.text),)
                for field in inside:
                    if field is not None:
                        key = BY_NAME.get(field.word)
                        if key is None:
                            raise ValueError(f"{field.word} is not a field that is known")
                        full = (1 << key.width) - 1
                        wanted[key.name] = key.parse(field.text)[0] if field.text else full
        return tuple((key, wanted[key.name]) for key in KEYS if key.name in wanted)

    def __str__(self) -> str:
        return ",".join([*map(str, self.given), *map(str, self.buckets)])


def read_group(syntax: GroupSyntax, span: Span) -> Group:
    """A group of what is written. Raises ValueError with a plain sentence."""
    head: list[Element] = []
    buckets: list[Bucket] = []
    rows = list(_rows(syntax.entries))
    for entry in rows[0]:
        if entry.element is not None:
            _check(entry.element.word, entry.element.text)
            head.append(entry.element)
    for row in rows[1:]:
        buckets.append(_bucket(row))
    about = {e.word: e.text for e in head}
    if "group_id" not in about or "type" not in about:
        raise ValueError("a group has a group_id and a type")
    return Group(number(about["group_id"]), about["type"], tuple(head), tuple(buckets), span)


def _rows(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """What stands before the buckets, then each bucket."""
    row: list[Entry] = []
    for entry in entries:
        if entry.bucket:
            yield row
            row = []
        row.append(entry)
    yield row


def _check(name: str, text: str) -> None:
    """Raises ValueError for a number that no group or bucket can have."""
    if name in _WIDTHS:
        most = (1 << _WIDTHS[name]) - 1
        with suppress(ValueError):
            if number(text) <= most:
                return
        raise ValueError(f"{name} {text!r} is not a number from 0 to {most}")


def _bucket(entries: list[Entry]) -> Bucket:
    given: list[tuple[str, str]] = []
    actions: list[Element] = []
    listed = False
    for entry in entries:
        listed |= entry.actions
        e = entry.element
        if e is None:
            continue
        if not listed and e.word in ABOUT_A_BUCKET:
            _check(e.word, e.text)
            given.append((e.word, e.text))
        else:
            actions.append(e)
    return Bucket(tuple(given), read_actions(tuple(actions)), listed)
