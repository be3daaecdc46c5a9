"""How an action is declared: once, in a file of its own, with how it is written, what it does and what it is for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Literal

from ruleparse.openflow import actions as folder
from ruleparse.openflow.formats import PORTS
from ruleparse.openflow.keys import State
from ruleparse.openflow.syntax import Element, Elements, words

if TYPE_CHECKING:
    from ruleparse.openflow.steps import Steps

Slot = Literal[
    "strip_vlan", "pop_mpls", "decap", "encap", "push_mpls", "push_vlan", "dec_ttl", "dec_mpls_ttl", "dec_nsh_ttl",
    "set", "set_queue", "group", "output", "resubmit", "ct", "",
]  # fmt: skip
"""Where an action stands in an action set; in the order in which they are done. Of each but `set` the last counts."""


Lead = tuple[str, str]
"""How an action leads somewhere (resubmit, goto, recirculate, group), and to which table (`table 10`) or group."""


def nowhere(_: Any, __: str) -> Iterable[Lead]:
    """Of an action that leads to no table or group."""
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """An action. `parse` makes a value of what is written and raises ValueError; `show` writes it as ovs-ofctl does;
    `leads` says where a value leads to from a table.

    `words` are what it may begin with, the name first.
    """

    words: tuple[str, ...]
    doc: str
    syntax: str
    parse: Callable[[Element], Any]
    show: Callable[[Any], str]
    lower: Callable[[Any, Steps], None]
    slot: Slot = ""
    state: State = "exact"
    leads: Callable[[Any, str], Iterable[Lead]] = nowhere
    anew: Mapping[str, Callable[[Any, Element], Any]] = field(default_factory=dict)
    """by name of an argument: a value with this one read anew, where very many flows differ in no more"""

    @property
    def name(self) -> str:
        return self.words[0]


@dataclass(frozen=True, slots=True)
class Act:
    """One action of a flow, its value read."""

    kind: Kind
    value: Any

    def __str__(self) -> str:
        return self.kind.show(self.value)


@cache
def kinds() -> Mapping[str, Kind]:
    """Every action by each word that it may begin with."""
    return {word: kind for kind in map(_in_file, _files()) for word in kind.words}


@cache
def _files() -> dict[str, None]:
    return dict.fromkeys(m.name for m in pkgutil.iter_modules(folder.__path__))


def _in_file(name: str) -> Kind:
    kind: Kind = importlib.import_module(f"{folder.__name__}.{name}").ACTION
    return kind


@cache
def kind_of(word: str) -> Kind | None:
    """The action that begins with a word. Most are in a file of that name, so that others need not be loaded."""
    likely = "output" if word.upper() in PORTS else word
    for name in _files().keys() & {word.lower(), likely}:
        kind = _in_file(name)
        if word in kind.words or word.lower() in kind.words:
            return kind
    return kinds().get(word) or kinds().get(word.lower())


def read_action(element: Element) -> Act:
    """One action. Raises ValueError with a plain sentence."""
    kind = kind_of(element.word)
    if kind is None and element.word.isdecimal():
        return read_action(Element("output", ":", element.word))
    if kind is None:
        raise ValueError(f"{element.word} is not an action that is known")
    return Act(kind, kind.parse(element))


read_again = lru_cache(1 << 12)(read_action)
"""The same of one that was read before."""


def read_actions(elements: Elements) -> tuple[Act, ...]:
    """A row of actions. Raises ValueError."""
    return tuple([read_again(e) for e in words(elements)])


def show_actions(actions: Iterable[Act]) -> str:
    """A row of actions as ovs-ofctl prints it."""
    return ",".join([a.kind.show(a.value) for a in actions]) or "drop"


def leads_of(actions: Iterable[Act], table: str) -> Iterator[Lead]:
    """Where a row of actions leads to from a table."""
    return (lead for act in actions for lead in act.kind.leads(act.value, table))


# What many actions share


def no_value(element: Element) -> None:
    """For an action that is but a word."""
    if element.sign:
        raise ValueError(f"{element.word} stands by itself")


def behind_colon(element: Element) -> str:
    """The text of `word:text`. Raises ValueError."""
    if element.sign not in (":", "=") or not element.text:
        raise ValueError(f"{element.word} takes a value: {element.word}:…")
    return element.text


def arguments(element: Element) -> Elements:
    """What stands in the brackets of an action. Raises ValueError."""
    if element.sign != "(":
        raise ValueError(f"{element.word} takes its arguments in brackets")
    return element.inside


def named(elements: Elements) -> dict[str, str]:
    """Arguments `name=value` and bare words by their names."""
    return {e.word: e.text for e in words(elements)}


def as_written(element: Element) -> Element:
    """For an action whose arguments mean nothing here."""
    return element


def nothing(_: Any, __: Steps) -> None:
    """Of an action that changes no packet's way."""


def plain(name: str, doc: str, lower: Callable[[Any, Steps], None] = nothing, **more: Any) -> Kind:
    """An action that is but a word."""
    return Kind((name,), doc, name, no_value, lambda _: name, lower, **more)
