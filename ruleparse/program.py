"""What every dialect becomes: tables of rules. Tests read a packet; actions are one small closed language."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ruleparse.bits import Bool, Number, equal_masked, negate
from ruleparse.codec import Codec
from ruleparse.packet import Assumption, Packet
from ruleparse.text import Span

Step = Callable[[Any], tuple[Any, Any]]
"""From what was remembered (None at first) to an answer and what is remembered from then on."""


FORGOTTEN = object()
"""What is remembered of something that nobody can tell any more."""


class Way(int):
    """A number for the calls that led somewhere."""


class World(Protocol):
    """What a test may ask besides the packet itself."""

    def ask(self, question: Assumption, about: Number | None = None) -> Bool:
        """The answer to something the dumps do not settle.

        The words of a question never hold the value of a field: that is what `about` is for, known or not.
        """

    def told_shortly(self, condition: Bool) -> Bool:
        """A condition that says the same of those who are still on their way, and of fewer fields where it can."""

    @property
    def way(self) -> Way:
        """A number for the calls that led here: a rule that one packet meets twice is met on different ways."""

    @property
    def memory(self) -> Mapping[Hashable, Any] | None:
        """What the node remembers of earlier packets; None where each packet is asked about by itself."""

    def recall(self, key: Hashable, step: Step, by: Hashable) -> Any:
        """What `step` makes of what the node remembers under `key`; None where each packet is asked about by itself.

        Asked again `by` the same test on the same way, the answer is the same and nothing changes.
        """

    def probe(self, table: str, packet: Packet) -> Packet:
        """The packet as `table` leaves it, with nothing recorded: a routing lookup, say."""


Meaning = Callable[[Any, Packet, World], Bool]


@dataclass(frozen=True, slots=True)
class Key:
    """Something a rule can test, declared once: its names in a dump, its value's codec, its meaning, its words."""

    names: tuple[str, ...]
    codec: Codec[Any]
    means: Meaning
    words: str = ""
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Test:
    """One condition of a rule."""

    key: Key
    value: Any
    negated: bool = False

    def holds(self, packet: Packet, world: World) -> Bool:
        result = self.key.means(self.value, packet, world)
        return negate(result) if self.negated else result


def _never_known(question: Assumption, _: Packet, world: World) -> Bool:
    return world.ask(question)


_UNKNOWN = Key(("?",), Codec("question", str), _never_known)


def ask(question: Assumption, negated: bool = False) -> Test:
    """A test that only the running system can answer."""
    return Test(_UNKNOWN, question, negated)


@dataclass(frozen=True, slots=True)
class Masked:
    """The commonest condition, spelled out for speed: field & mask == value."""

    field: str
    value: int
    mask: int
    negated: bool = False

    def holds(self, packet: Packet, world: World) -> Bool:
        n = packet.values.get(self.field)
        if type(n) is int:
            return (n & self.mask == self.value) is not self.negated
        result = equal_masked(packet[self.field], self.value, self.mask)
        return negate(result) if self.negated else result


@dataclass(frozen=True, slots=True)
class Set:
    """field = (field & ~mask) ^ value; a mask of -1 replaces the field."""

    field: str
    value: int
    mask: int = -1


@dataclass(frozen=True, slots=True)
class Assign:
    """field = a number, which need not be known."""

    field: str
    number: Number


@dataclass(frozen=True, slots=True)
class Copy:
    """target = (target & ~mask) ^ ((source & source_mask) shifted left)."""

    target: str
    source: str
    mask: int = -1
    source_mask: int = -1
    left: int = 0


@dataclass(frozen=True, slots=True)
class Add:
    """field = field + amount, kept between low and high."""

    field: str
    amount: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Havoc:
    """field becomes some number from low to high: which one, only the running system knows.

    `about` names a field that it depends on: for another value of that field it may be another number. With `of_all`
    that goes for every packet, whether it hits the rule or not: less is known then, and more easily.
    """

    field: str
    low: int
    high: int
    question: Assumption
    about: str | None = None
    of_all: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """Walk a table and come back; a Stop whose verdict is among `catches` comes back here too."""

    table: str
    catches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Goto:
    """Walk a table in place of the rest of this one."""

    table: str


@dataclass(frozen=True, slots=True)
class Fork:
    """Walk a table with a copy of the packet, and go on with the original.

    Of what the copy changes the original `keeps` some fields. With `later` the copy waits until this walk is over,
    behind those that wait already; the field of that name then counts them.
    """

    table: str
    keeps: tuple[str, ...] = ()
    later: str | None = None


@dataclass(frozen=True, slots=True)
class Return:
    """Leave this table."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the walk, or the nearest Call that catches this verdict. `reason` is for ends no rule of the user's made."""

    verdict: str
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Emit:
    """Send the packet as it is now to a port, and go on."""

    port: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth telling that changes nothing, or what an answer presumes from here on."""

    text: str
    presumes: Assumption | None = None


@dataclass(frozen=True, slots=True)
class Remember:
    """Change what the node remembers for later packets, where it remembers anything."""

    change: Callable[[Packet, MutableMapping[Hashable, Any]], None]


Action = Set | Assign | Copy | Add | Havoc | Call | Goto | Fork | Return | Stop | Emit | Note | Remember


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Tests, all of which must hold, and actions. `number` is its place in the chain (0: a policy; None: made up)."""

    tests: tuple[Test | Masked, ...]
    actions: tuple[Action, ...]
    number: int | None = None
    span: Span | None = None

    @property
    def words(self) -> str:
        """The rule as its dump has it, without counters; nothing for a rule that was made up."""
        return words_of(self.span) if self.span is not None else ""


def words_of(span: Span) -> str:
    """A line of a dump without counters."""
    return span.text.partition("] ")[2] if span.text.startswith("[") else span.text


COMES_BACK = Rule((), (Return(),))
"""What happens at the end of a table, unless it says otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rules in order. `default` is what happens at the end; a `base` table also runs it when a rule returns.

    `group` and `label` are how a dump calls it: the table and the chain in netfilter.
    """

    name: str
    rules: Sequence[Rule]
    default: Rule = COMES_BACK
    base: bool = False
    group: str = ""
    label: str = ""
    narrow: Callable[[Packet], Iterable[Rule]] | None = None
    """where there is an index: the rules, in order, that this packet could match"""
    within_itself: bool = True
    """whether a walk that is in it may enter it again; no kernel loads chains that allow it"""

    def rules_for(self, packet: Packet) -> Iterable[Rule]:
        """All rules, or those that an index leaves over."""
        return self.rules if self.narrow is None else self.narrow(packet)


Program = Mapping[str, Table]
"""Tables by name. A table may be read from its dump only when it is asked for."""

Places = Mapping[str, frozenset[int]]
"""Rules, by the name of their table and where their line starts in its dump; a policy is where its chain is."""
