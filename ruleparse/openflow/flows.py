"""A flow: where it is, what it matches, what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ruleparse.openflow.action import Act, read_actions, show_actions
from ruleparse.openflow.fields import flow as flow_field
from ruleparse.openflow.formats import PORTS, number
from ruleparse.openflow.keys import KEYWORDS, PORT_KEYS, FlowKey, matched
from ruleparse.openflow.syntax import FlowSyntax, Items
from ruleparse.program import Masked
from ruleparse.text import Span

DEFAULT_PRIORITY = 32768

COUNTS = frozenset(
    {"cookie", "duration", "table", "table_id", "n_packets", "n_bytes", "idle_timeout", "hard_timeout", "idle_age"}
    | {"hard_age", "importance", "n_offload_packets", "n_offload_bytes", "out_port", "out_group"}
)
"""What stands before the match and has a value (lib/ofp-flow.c, ofputil_flow_stats_format)."""
FLAGS = frozenset(
    {"send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts", "no_readonly_table"}
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One word of a match: a key under a mask, a port by its name, or a protocol."""

    name: str
    key: FlowKey | None
    value: int = 0
    mask: int = 0
    port: str | None = None
    tests: tuple[Masked, ...] = ()
    """what it asks of the packet, but for a port that has to be found by its name"""

    def asks(self, port: Callable[[str], int]) -> Sequence[Masked]:
        """What it asks of the packet; `port` gives the number of a port by its name."""
        if self.port is None or self.key is None:
            return self.tests
        return tuple(self.key.tests(port(self.port), 0xFFFF))

    def __str__(self) -> str:
        if self.key is None:
            return self.name
        if self.port is not None:
            return f"{self.name}={self.port}"
        return f"{self.name}={self.key.show(self.value, self.mask)}"


@lru_cache(1 << 16)
def condition(name: str, text: str | None, protocol: str) -> Condition:
    """One word of a match; `protocol` is the one named before it. Raises ValueError."""
    if text is None and name in KEYWORDS:
        values = KEYWORDS[name].values.items()
        return Condition(name, None, tests=tuple(Masked(flow_field(f), v, -1) for f, v in values))
    key = matched(name, protocol)
    if key is None:
        raise ValueError(f"{name} is not a field that is known")
    if text is None:
        if not name.startswith("tun_metadata"):
            raise ValueError(f"{name} takes a value: {name}=…")
        return Condition(name, None)
    if key.name in PORT_KEYS and (not text[:1].isdecimal() or len(text) > 5):
        return Condition(name, key, port=text)
    text = text.strip('"')
    if name == "dl_vlan" and text in ("0xffff", "65535"):
        untagged = matched("vlan_tci")
        return Condition("vlan_tci", untagged, 0, 0x1FFF, tests=(Masked(flow_field("vlan_tci"), 0, 0x1FFF),))
    value, mask = key.parse(text)
    return Condition(name, key, value, mask, tests=tuple(key.tests(value, mask)))


class Flow:
    """One line of a dump. Raises ValueError where its parts are read and make no sense."""

    __slots__ = ("_actions", "_conditions", "_priority", "span", "syntax")

    def __init__(self, syntax: FlowSyntax, span: Span) -> None:
        self.syntax = syntax
        self.span = span
        self._priority: int | None = None
        self._conditions: tuple[Condition, ...] | None = None
        self._actions: tuple[Act, ...] | None = None

    def count(self, name: str) -> str | None:
        """The text of a number about the flow."""
        return next((text for n, text in self.syntax.items if n == name), None)

    @property
    def priority(self) -> int:
        if self._priority is None:
            text = self.count("priority")
            self._priority = DEFAULT_PRIORITY if text is None else number(text)
        return self._priority

    @property
    def cookie(self) -> int | None:
        """None if it makes no sense."""
        try:
            return number((self.count("cookie") or "0").partition("/")[0])
        except ValueError:
            return None

    @property
    def table(self) -> str:
        """As it is written: a number, or a name."""
        return (self.count("table") or self.count("table_id") or "0").strip('"')

    @property
    def conditions(self) -> tuple[Condition, ...]:
        if self._conditions is None:
            items = self.syntax.items
            found = [condition(items[at][0], items[at][1], protocol) for at, protocol in self._matching]
            self._conditions = tuple(found)
        return self._conditions

    @property
    def _matching(self) -> list[tuple[int, str]]:
        """Which items are a match, and the protocol that was named before each."""
        derived = self.syntax.derived
        if "matching" not in derived:
            derived["matching"] = list(_matching(self.syntax.items))
        found: list[tuple[int, str]] = derived["matching"]
        return found

    @property
    def actions(self) -> tuple[Act, ...]:
        if self._actions is None:
            self._actions = read_actions(self.syntax.actions)
        return self._actions

    @property
    def match(self) -> str:
        """What it matches, in the words of the dump; as far as it can be read."""
        try:
            return ",".join(str(c) for c in self.conditions)
        except ValueError:
            words = ((n, t) for n, t in self.syntax.items if n not in COUNTS and n not in FLAGS and n != "priority")
            return ",".join(n if t is None else f"{n}={t}" for n, t in words)

    @property
    def is_clause(self) -> bool:
        """Whether all that it does is to be a clause of conjunctions."""
        return "conjunction" in self.syntax.words

    def tests(self, port: Callable[[str], int] | None = None) -> Iterator[Masked]:
        """Conditions on the packet; `port` gives the number of a port by its name."""
        for c in self.conditions:
            yield from c.asks(port or numbered)

    @property
    def doing(self) -> str:
        """What it does, in the words of the dump; as far as it can be read."""
        try:
            return show_actions(self.actions)
        except ValueError:
            return ",".join("" if e is None else str(e) for e in self.syntax.actions)

    def __str__(self) -> str:
        """As ovs-ofctl prints it, without the blank at the start."""
        return "".join(self._head()) + "actions=" + show_actions(self.actions)

    def _head(self) -> Iterator[str]:
        for name, text in self.syntax.items:
            if name in COUNTS:
                yield f"{name}={_count(name, text or '')}, "
            elif name in FLAGS:
                yield f"{name} "
        match = [str(c) for c in self.conditions]
        if self.count("priority") is not None:
            match.insert(0, f"priority={self.priority}")
        if match:
            yield ",".join(match) + ("," if self.is_appctl else " ")

    @property
    def is_appctl(self) -> bool:
        """Whether it is a line of `ovs-appctl bridge/dump-flows`, which has no blank before its actions."""
        return self.count("duration") is not None and self.count("cookie") is None


def matching(items: Items) -> Iterator[tuple[str, str | None, str]]:
    """The items that are a match, each with the protocol that was named before it."""
    return ((*items[at], protocol) for at, protocol in _matching(items))


def _matching(items: Items) -> Iterator[tuple[int, str]]:
    protocol = ""
    for at, (name, text) in enumerate(items):
        if name not in COUNTS and name not in FLAGS and name != "priority":
            yield at, protocol
            protocol = name if text is None else protocol


def numbered(port: str) -> int:
    """The number of a port that OpenFlow itself names. Raises ValueError."""
    if port not in PORTS:
        raise ValueError(f"{port} is not a port that is known")
    return PORTS[port]


def _count(name: str, text: str) -> str:
    if name == "cookie":
        return f"{number(text):#x}"
    if name in ("n_packets", "n_bytes", "idle_timeout", "hard_timeout", "idle_age", "hard_age", "importance"):
        return str(number(text))
    return text
