"""Saved flows as decoders look at them: words of single flows, read when somebody asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ruleparse.openflow.flows import COUNTS, FLAGS, Flow
from ruleparse.openflow.groups import Group
from ruleparse.openflow.read import FlowDump, Stretch
from ruleparse.openflow.syntax import Element, words
from ruleparse.text import Diagnostic, Span

if TYPE_CHECKING:
    from ruleparse.kubernetes.cluster import Cluster

_NUMBER = "0x[0-9a-f]{1,8}|[1-9][0-9]{0,9}|0"
_LOAD = re.compile(rf"({_NUMBER})->NXM_NX_(REG[0-9]+|CT_MARK|PKT_MARK)\[(?:([0-9]{{1,2}})(?:\.\.([0-9]{{1,2}}))?)?\]")
_SET = re.compile(rf"({_NUMBER})(?:/({_NUMBER}))?->(reg[0-9]+|ct_mark|pkt_mark)")
_NO_MATCH = COUNTS | FLAGS | {"priority"}
WHOLE = 0xFFFFFFFF


def decimal(text: str) -> int | None:
    """A number of a table, port, group or conjunction; None for anything else."""
    return int(text) if re.fullmatch("[0-9]{1,10}", text) else None


def register_value(text: str) -> int | None:
    """What a register is set to or matched with as a whole."""
    return int(text, 0) if re.fullmatch(_NUMBER, text) else None


@dataclass(frozen=True, slots=True)
class Written:
    """Bits of a register that a flow sets."""

    register: str
    value: int
    mask: int


@dataclass(eq=False)
class SavedFlow:
    """A flow in its words. `table` is what the dump calls its table: a number, or a name."""

    flow: Flow

    @cached_property
    def table(self) -> str:
        return self.flow.table

    @property
    def priority(self) -> int:
        return self.flow.priority

    @property
    def text(self) -> str:
        return self.flow.span.text

    @cached_property
    def match(self) -> Mapping[str, str]:
        """Fields and their values, protocols with nothing behind them, as they are written."""
        return {name: text or "" for name, text in self.flow.syntax.items if name not in _NO_MATCH}

    @cached_property
    def rule(self) -> str:
        """Match and actions alone, without what is counted."""
        actions = self.text[self.text.index("actions=") :].rstrip()
        return ",".join(f"{name}={value}" if value else name for name, value in self.match.items()) + f" {actions}"

    @property
    def actions(self) -> Iterator[Element]:
        return words(self.flow.syntax.actions)

    @cached_property
    def drops(self) -> bool:
        return [element.word for element in self.actions] in ([], ["drop"])

    @cached_property
    def next(self) -> str | None:
        """The table in which the packet goes on, the last if there are several."""
        found = None
        for element in self.actions:
            match element.word:
                case "goto_table":
                    found = element.text.strip('"')
                case "resubmit" | "ct":
                    found = _table(element) or found
        return found

    def inside(self, word: str) -> tuple[Element, ...]:
        """The arguments of the first action of this name."""
        return next((tuple(words(element.inside)) for element in self.actions if element.word == word), ())

    def written(self) -> Iterator[Written]:
        """Bits of registers, in whichever of the ways they are spelled."""
        for element in self.actions:
            if element.word == "load" and (found := _LOAD.fullmatch(element.text)):
                low = int(found[3] or 0)
                high = int(found[4] or found[3] or 31)
                yield Written(found[2].lower(), int(found[1], 0) << low, (1 << high + 1) - (1 << low))
            elif element.word == "set_field" and (found := _SET.fullmatch(element.text)):
                yield Written(found[3], int(found[1], 0), int(found[2], 0) if found[2] else WHOLE)

    def value(self, register: str, mask: int = WHOLE) -> int | None:
        """What it sets these bits to, None if it leaves them alone."""
        return next((w.value for w in self.written() if w.register == register and w.mask == mask), None)

    def group(self) -> int | None:
        return next((decimal(element.text) for element in self.actions if element.word == "group"), None)

    def matched(self, register: str) -> int | None:
        """The value of a register that is matched as a whole."""
        return register_value(self.match.get(register, ""))


def _table(element: Element) -> str | None:
    inside = list(words(element.inside))
    if element.word == "ct":
        return next((e.text.strip('"') for e in inside if e.word == "table"), None)
    return inside[-1].word.strip('"') if inside else None


class SavedTable(Sequence[SavedFlow]):
    """The flows of one table, each read when it is asked for; those that nobody can read are left out."""

    def __init__(self, dumps: Sequence[tuple[FlowDump, Stretch]]) -> None:
        self._dumps = dumps
        self._flows: dict[tuple[str, int], SavedFlow | None] = {}

    @cached_property
    def _lines(self) -> list[tuple[FlowDump, Span]]:
        return [(dump, line) for dump, stretch in self._dumps for line in stretch.lines()]

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, place: Any) -> Any:
        """One flow, or a list of those there are."""
        if isinstance(place, slice):
            return self._some(self._first(place.stop) if place.stop and not place.start else self._lines[place])
        flow = self._flow(*self._lines[place])
        if flow is None:
            raise IndexError(place)
        return flow

    def __iter__(self) -> Iterator[SavedFlow]:
        return iter(self._some(self._lines))

    def containing(self, text: str) -> list[SavedFlow]:
        """The flows in whose lines this stands."""
        return self._some((dump, line) for dump, stretch in self._dumps for line in stretch.containing(text))

    def _first(self, count: int) -> Iterable[tuple[FlowDump, Span]]:
        """A few lines, without cutting all."""
        return islice(((dump, line) for dump, stretch in self._dumps for line in stretch.lines()), count)

    def _some(self, lines: Iterable[tuple[FlowDump, Span]]) -> list[SavedFlow]:
        return [flow for dump, line in lines if (flow := self._flow(dump, line)) is not None]

    def _flow(self, dump: FlowDump, line: Span) -> SavedFlow | None:
        place = dump.source.name, line.start
        if place not in self._flows:
            self._flows[place] = _saved(dump.flow(line))
        return self._flows[place]


def _saved(read: Flow | Diagnostic) -> SavedFlow | None:
    if not isinstance(read, Flow):
        return None
    with suppress(ValueError):
        read.priority, read.cookie  # noqa: B018
        return SavedFlow(read)
    return None


_EMPTY = SavedTable(())


class SavedBridge:
    """The flows of a bridge by table, its groups by number, its ports as far as they were saved."""

    def __init__(
        self,
        dumps: Sequence[FlowDump],
        groups: Mapping[int, Group] = MappingProxyType({}),
        ports: Mapping[int, str] = MappingProxyType({}),
        cluster: Cluster | None = None,
        owners: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.cluster = cluster
        self.owners = owners
        saved: dict[str, list[tuple[FlowDump, Stretch]]] = {}
        for dump in dumps:
            for table, stretches in dump.tables.items():
                saved.setdefault(table, []).extend((dump, stretch) for stretch in stretches)
        self.flows = {table: SavedTable(found) for table, found in saved.items()}
        self.groups = groups
        self.ports = ports

    def table(self, name: str | None) -> SavedTable:
        return self.flows.get(name or "", _EMPTY)

    @cached_property
    def numbered(self) -> bool:
        """Whether tables go by number."""
        return all(decimal(name) is not None for name in self.flows)

    def miss(self, table: str) -> SavedFlow | None:
        """The flow of a table for packets that no other takes."""
        found = self.table(table).containing("priority=0 ")
        return next((flow for flow in found if not flow.priority and not flow.match), None)

    def port(self, number: int) -> str:
        """`4 (nginx-0, pod default/nginx)`, or the number alone."""
        name = self.ports.get(number)
        said = filter(None, (name, self.owners.get(name or "")))
        return f"{number} ({', '.join(said)})" if name else str(number)

    def number(self, port: str) -> int | None:
        """The number of a port by its name or number."""
        plain = port.strip('"')
        if (found := decimal(plain)) is not None:
            return found
        return next((number for number, name in self.ports.items() if name == plain), None)
