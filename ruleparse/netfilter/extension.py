"""How a match or a target is declared: once, in a file of its own, with its options, their values and their meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ruleparse.codec import Codec
from ruleparse.packet import Assumption
from ruleparse.program import Action, Key, Masked, Test
from ruleparse.program import ask as ask
from ruleparse.text import Span

if TYPE_CHECKING:
    from ruleparse.netfilter.facts import Facts
    from ruleparse.netfilter.save import Flavour

State = Literal["exact", "unknown", "inert"]
"""exact: decided wherever the dump, the packet, and with --stateful those before it settle it. unknown: an assumption,
but for what no packet can do. inert: changes no verdict.
"""

FLAG: Codec[None] = Codec("", lambda: None, lambda _: "", words=0)


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One option: its names (the one iptables-save prints first), how its value is written, what it tests."""

    names: tuple[str, ...]
    codec: Codec[Any] = FLAG
    key: Key | None = None
    build: Callable[[Any, bool], Test | Masked] | None = None
    """makes the test from value and negation, where a key will not do"""

    def test(self, value: Any, negated: bool) -> Test | Masked | None:
        """The test this option stands for by itself, None if it only has a meaning together with others."""
        if self.build is not None:
            return self.build(value, negated)
        return Test(self.key, value, negated) if self.key is not None else None


@dataclass(frozen=True, slots=True)
class Given:
    """An option as it stands in a rule, its value read."""

    option: Option
    value: Any
    negated: bool

    @property
    def name(self) -> str:
        return self.option.names[0]


class Givens(Sequence[Given]):
    """The options given to one match or target of one rule."""

    def __init__(self, items: Sequence[Given]) -> None:
        self._items = items

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of an option, `default` if it was not given."""
        return next((g.value for g in self._items if g.name == name), default)

    def has(self, name: str) -> bool:
        return any(g.name == name for g in self._items)

    def negated(self, name: str) -> bool:
        return any(g.name == name and g.negated for g in self._items)


@dataclass(frozen=True, slots=True)
class Context:
    """What may be known where a rule is lowered."""

    family: int
    flavour: Flavour
    table: str
    chain: str
    span: Span
    handle: int
    """a number that stands for the rule"""
    facts: Facts
    protocol: int | None = None
    """of `-p`, unless negated"""

    def asks(self, question: str, settle: str = "", *, lasting: bool = False) -> Assumption:
        """A question that this rule raises: about the packet, unless the answer is lasting."""
        return Assumption(question, settle, self.span, passing=not lasting)


@dataclass(frozen=True, slots=True)
class Cut:
    """Among the tests of a match: a packet that fits those before and this one is dropped on the spot, uncounted."""

    test: Test | Masked
    reason: str


Tests = Iterable[Test | Masked | Cut]


@dataclass(frozen=True, slots=True)
class Match:
    """A match (`-m NAME`). Unless `tests` says otherwise, each option given tests its key and all must hold.

    `reads` is how many octets of the transport header it looks at: a packet too short for them is dropped on the spot
    by legacy ("hotdrop"), and by nft where it runs the same code.
    """

    name: str
    doc: str
    options: tuple[Option, ...] = ()
    families: tuple[int, ...] = (4, 6)
    state: State = "exact"
    tests: Callable[[Givens, Context], Tests] | None = None
    reads: int = 0
    native_in_nft: bool = False
    compat_options: tuple[str, ...] = ()
    """options that iptables-nft has no native expression for: with one of them the match is the same as in legacy"""


@dataclass(frozen=True, slots=True)
class Case:
    """What a target does if further tests hold. Cases are rules in a row: those that do not end have to exclude each
    other, also after what they do. A `hidden` one goes before and is not counted as the rule being hit.
    """

    tests: tuple[Test | Masked, ...]
    actions: tuple[Action, ...]
    hidden: bool = False


Effect = tuple[Action, ...] | list[Case]


@dataclass(frozen=True, slots=True)
class Target:
    """A target (`-j NAME`) and what it does. `ends`: whether the packet leaves the chain here in every case."""

    name: str
    doc: str
    actions: Callable[[Givens, Context], Effect]
    options: tuple[Option, ...] = ()
    families: tuple[int, ...] = (4, 6)
    state: State = "exact"
    ends: bool = False
    tables: tuple[str, ...] = field(default=())


def inert(_: Givens, __: Context) -> tuple[Action, ...]:
    """Actions of a target that changes nothing a rule could see."""
    return ()


def option_table(options: Iterable[Option]) -> Mapping[str, Option]:
    """Options by each of their names."""
    return {name: o for o in options for name in o.names}


NEVER = Test(Key(("never",), Codec("", str), lambda _value, _packet, _world: False), None)
"""A test that nothing passes."""
