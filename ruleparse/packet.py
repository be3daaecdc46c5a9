"""A packet is one number per field; a field nobody gave is unknown, a number of fresh Boolean variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Self, TypeVar, cast

from ruleparse.bits import (
    Bits,
    Bool,
    Function,
    Number,
    Space,
    Variables,
    all_of,
    at_least,
    both,
    chosen,
    depends,
    differ,
    equal_masked,
    exists,
    holds,
    negate,
    number,
)

if TYPE_CHECKING:
    from ruleparse.text import Span


@dataclass(frozen=True, slots=True)
class Field:
    """One header field or piece of metadata: `width` in bits, `needs` what must hold for it to exist.

    `default` is what an unmentioned field holds where the kernel leaves no choice (a mark starts at 0).
    """

    name: str
    width: int
    doc: str
    needs: str = ""
    default: int | None = None
    values: tuple[str, ...] = ()
    """names of the values 0, 1, 2 … where they have any"""


FIELDS: dict[str, Field] = {}

CHOSEN = frozenset({"in", "out_given", "route_out", "flow.in_port"})
"""Fields whose unknown value is one of a few."""

Found = TypeVar("Found")
_STANDS_FOR = "stands for "
WAY_OUT = "route_out: "
"""What the unknown interface of a missing route is called among the unknowns."""


def declare(*fields: Field) -> None:
    """Add fields to the one table of fields; a name is declared once."""
    for f in fields:
        if f.name in FIELDS:
            raise ValueError(f"field {f.name} is declared twice")
        FIELDS[f.name] = f


@dataclass(frozen=True, slots=True)
class Assumption:
    """A question that the dumps do not settle, and what would. `rule` is where it first arose."""

    question: str
    settle: str = ""
    rule: Span | None = None
    probability: float | None = None
    """of the answer yes, for a random choice"""
    presumed: bool = False
    """whether only the answer yes is followed: no would be something that nobody can walk"""
    passing: bool = False
    """whether another packet may get another answer"""


class Unknowns:
    """Every variable of one analysis: bits of fields not given, and answers to questions not settled.

    The same field, or the same question about the same number, is always the same variable.
    """

    def __init__(
        self,
        nodes: int = 1 << 20,
        sizes: Mapping[str, int] | None = None,
        choices: Callable[[], Sequence[int]] | None = None,
    ) -> None:
        """`sizes` of fields in bits where they differ from FIELDS; `choices` are the values of an unknown interface."""
        self._nodes = nodes
        self._choices = choices
        self._space: Space | None = None
        self._sizes = sizes or {}
        self.places: list[tuple[str, int] | None] = []
        """of each variable: the field and the bit it stands for, None if it is an answer"""
        self.fields: dict[str, Bits] = {}
        self.variables: dict[str, tuple[Function, ...]] = {}
        """of each field: its bits, or those that choose its value"""
        self.numbers: dict[tuple[str, Number | None], str] = {}
        """names in `fields` of numbers that only the running system knows, by what was asked and of which number"""
        self.assumptions: dict[tuple[str, Number | None], tuple[Function, Assumption]] = {}
        self._events = count(-1, -1)
        self.lasting: set[tuple[str, Number | None]] = set()
        """the questions among them on whose answers it depends how things stand for packets to come"""
        self._for_answers: list[Function] = []
        self._kinds: dict[str, tuple[tuple[int, int], object]] = {}

    def continues(self, earlier: Unknowns) -> None:
        """These are of a packet that comes after another: what the system made up then is still the same, and so are
        answers on which it depends how things stand.
        """
        self._nodes, self._space, self.places = earlier._nodes, earlier._space, earlier.places
        self.fields = {name: bits for name, bits in earlier.fields.items() if name not in FIELDS}
        self.variables = {name: earlier.variables[name] for name in self.fields}
        self.lasting, self._events = set(earlier.lasting), earlier._events
        self.assumptions = {key: earlier.assumptions[key] for key in earlier.lasting}

    def aside(self) -> Self:
        """Unknowns of the same packets, for questions and numbers that nobody else is to hear of."""
        assert self.space is not None
        other = copy(self)
        other.fields, other.variables = dict(self.fields), dict(self.variables)
        other.numbers, other.assumptions, other._kinds = {}, {}, {}
        return other

    def learn(self, other: Self) -> None:
        """Take over the fields of packets that were met aside."""
        self.fields |= {name: bits for name, bits in other.fields.items() if name in FIELDS}
        self.variables |= {name: found for name, found in other.variables.items() if name in FIELDS}

    @property
    def space(self) -> Space:
        if self._space is None:
            self._space = Space(self._nodes)
        return self._space

    def field(self, name: str, of: str | None = None) -> Bits:
        """The unknown value of a field; `name` may be a name of its own for another unknown value `of` a field.

        Variables are ordered from the most significant bit, so that a prefix is a path from the top.
        """
        if name not in self.fields:
            values = self._choices() if self._choices is not None and (of or name) in CHOSEN else None
            size = len(values).bit_length() if values else self._sizes.get(of or name) or FIELDS[of or name].width
            self.variables[name] = tuple(reversed(self.space.variables(size)))
            self.places += [(name, bit) for bit in reversed(range(size))]
            self.fields[name] = chosen(self.variables[name], values) if values else self.variables[name]
        return self.fields[name]

    def number(self, words: str, of: str, about: Number | None = None) -> Bits:
        """An unknown value of field `of`; `about` is the number that it depends on, if it does."""
        key = (words, about)
        if key not in self.numbers:
            plain = about is None and words not in self.fields
            self.numbers[key] = words if plain else f"{words} #{len(self.fields)}"
        return self.field(self.numbers[key], of)

    def named(self) -> Function:
        """A variable that stands for something else; whoever takes it sees to it that they are the same."""
        variable = self.space.variable()
        name = f"{_STANDS_FOR}{len(self.fields)}"
        self.places.append((name, 0))
        self.fields[name] = self.variables[name] = (variable,)
        return variable

    def ask(self, question: Assumption, about: Number | None = None) -> Bool:
        """The unknown answer to a question; `about` is the number that the question asks something of, if it does."""
        key = (self.wording(question), about)
        if key not in self.assumptions:
            if not self._for_answers:
                self.make_room_for_answers(1)
            self.assumptions[key] = (self._for_answers.pop(), question)
        return self.assumptions[key][0]

    def called_alike(self, words: str) -> str:
        """Words of a rule or a table, without what is only how something is called."""
        return words

    def keep(self, question: Assumption, about: Number | None) -> None:
        """The answer to a question that was asked is the same for packets to come."""
        self.lasting.add((self.wording(question), about))

    def event(self) -> int:
        """A number for something that happens once, for questions to be about: no other question is about it."""
        return next(self._events)

    def make_room_for_answers(self, count: int) -> None:
        """Answers to the next questions come here in the order of variables."""
        self._for_answers[:0] = reversed(self.space.variables(count))
        self.places += [None] * count

    def wording(self, question: Assumption) -> str:
        """What tells a question from others."""
        return question.question

    def wording_of_number(self, field: str, question: Assumption, low: int, high: int) -> str:
        """What tells a number that only the running system knows from others."""
        return f"{field}: {self.wording(question)}"

    def _kept(self, kind: str, find: Callable[[], Found]) -> Found:
        """What is known of all unknowns, found anew only where there are more than before."""
        known = len(self.fields), len(self.assumptions)
        found = self._kinds.get(kind)
        if found is None or found[0] != known:
            found = self._kinds[kind] = known, find()
        return cast("Found", found[1])

    def _among(self, kind: str, find: Callable[[], Iterable[Function]]) -> Variables:
        """The variables of a kind."""
        return self._kept(kind, lambda: Variables(find()))

    def _of_fields(self, kind: str, fits: Callable[[str], bool]) -> Variables:
        return self._among(kind, lambda: [v for name in self.fields if fits(name) for v in self.variables[name]])

    @property
    def settled(self) -> Variables:
        """What the running system knows: answers to questions, the way out of a missing route."""
        ways_out = self._of_fields("ways out", lambda name: name.startswith(WAY_OUT))
        return self._among("settled", lambda: [*self.open_answers, *ways_out])

    @property
    def open_answers(self) -> Variables:
        """What open questions are answered, one way or the other."""
        return self._among("open answers", lambda: [variable for variable, *_ in self.open_questions])

    @property
    def open_questions(self) -> list[tuple[Function, Assumption, Number | None]]:
        """What nobody but the running system can answer, by the variable of the answer; and what it is about."""
        asked = self.assumptions.items()
        return self._kept("open", lambda: [(v, q, about) for (_, about), (v, q) in asked if q.probability is None])

    @property
    def random(self) -> Variables:
        """Random choices."""
        asked = self.assumptions.values()
        return self._among("random", lambda: [v for v, question in asked if question.probability is not None])

    @property
    def chances(self) -> dict[int | None, float]:
        """Random choices by their places in the order, and how likely each is to be yes."""
        asked = self.assumptions.values()
        return self._kept("chances", lambda: {v.node_var(): p for v, q in asked if (p := q.probability) is not None})

    @property
    def made_up(self) -> Variables:
        """The variables of numbers that the system makes up, but for the way out of a missing route."""
        return self._of_fields("made up", _is_made_up)

    @property
    def of_packets(self) -> Variables:
        """The variables that tell packets apart."""
        return self._of_fields("packets", lambda name: name in FIELDS)

    def count(self, region: Bool) -> int:
        """How many packets a region of fields holds: one for each choice of every unknown field of a packet."""
        region = self.whatever_the_answers(self.whatever_is_made_up(region, also_the_way_out=True))
        within = all_of([region, *(self._one_of_its_values(name) for name in self.fields if name in FIELDS)])
        size = sum(len(self.variables[name]) for name in self.fields if name in FIELDS)
        if isinstance(within, bool):
            return int(within) << size
        return int(within.sat_count(self.space.count)) >> self.space.count - size

    def _one_of_its_values(self, name: str) -> Bool:
        """That the variables which choose a field's value do not stand for its last value more than once."""
        values = self._choices() if self._choices is not None and name in CHOSEN else None
        return negate(at_least(self.variables[name], len(values))) if values else True

    def whatever_is_made_up(self, region: Bool, *, also_the_way_out: bool = False) -> Bool:
        """A region whatever numbers the system makes up by itself (a random port): those are nobody's input.

        The interface that a missing route would name is asked about, unless it is `also` left out.
        """
        hidden = self._of_fields("hidden", lambda name: name not in FIELDS) if also_the_way_out else self.made_up
        return exists(region, hidden)

    def made_up_part(self, region: Bool) -> Bool:
        """What a region says of numbers that the system made up."""
        asked = [n for n in self.fields if n in FIELDS or n.startswith(WAY_OUT)]
        return self.whatever_the_answers(exists(region, [v for name in asked for v in self.variables[name]]))

    def is_made_up(self, number: Number) -> bool:
        """Whether the system itself makes a number up, at random."""
        made_up = [v for n, v in self.variables.items() if _is_made_up(n) and not n.startswith(_STANDS_FOR)]
        if isinstance(number, int):
            return False
        return any(depends(b, v) for variables in made_up for b, v in zip(number, variables, strict=False))

    def witness(self, region: Bool) -> Point:
        """Some point of a region that is not empty."""
        cube = [] if isinstance(region, bool) else region.pick_cube() or []
        chosen = {place for place, b in enumerate(cube) if b}

        def value(n: Number) -> int:
            return n if isinstance(n, int) else sum(1 << i for i, b in enumerate(n) if holds(b, chosen))

        fields = {n: value(number(bits)) for n, bits in self.fields.items() if n in FIELDS}
        return Point(fields, value, _AnswersAt(self._asked_by_words(), value))

    def _asked_by_words(self) -> Mapping[str, list[tuple[Number | None, Bits]]]:
        """All that is asked by its words: what it is about, and the answer."""

        def find() -> dict[str, list[tuple[Number | None, Bits]]]:
            found: dict[str, list[tuple[Number | None, Bits]]] = {}
            for (words, about), name in self.numbers.items():
                found.setdefault(words, []).append((about, self.fields[name]))
            for (words, about), (variable, _) in self.assumptions.items():
                found.setdefault(words, []).append((about, (variable,)))
            return found

        return self._kept("by words", find)

    def told_apart(self, some: Bool, others: Bool) -> Bool:
        """A condition on few fields that holds for some packets, and for none of the others."""
        for variables in reversed(self.variables.values()):
            more = exists(some, variables)
            some = more if both(more, others) is False else some
        return some

    def at(self, point: Point) -> Bool:
        """The one packet that a point stands for, whatever the answers."""
        known = (equal_masked(self.fields[name], value, -1) for name, value in point.fields.items())
        return all_of(known)

    def answered(self, point: Point) -> Bool:
        """That open questions are answered as at a point, whatever is random."""
        return all_of(v if point.value((v,)) else negate(v) for v in self.settled)

    def chosen_at(self, point: Point) -> Bool:
        """That random choices turn out as at a point."""
        return all_of(v if point.value((v,)) else negate(v) for v in self.random)

    def whatever_the_answers(self, region: Bool) -> Bool:
        """A region by its fields alone."""
        return exists(region, self._among("answers", lambda: [variable for variable, _ in self.assumptions.values()]))


Answers = Mapping[tuple[str, object], int]
"""What questions are answered with, by their words and what they are about."""


def _is_made_up(name: str) -> bool:
    return name not in FIELDS and not name.startswith(WAY_OUT)


class _AnswersAt(Answers):
    """What questions are answered with at a point. Of thousands that were asked a packet meets a few."""

    def __init__(self, asked: Mapping[str, Sequence[tuple[Number | None, Bits]]], value: Callable[[Number], int]):
        self._asked = asked
        self._value = value

    def __getitem__(self, key: tuple[str, object]) -> int:
        words, about = key
        for number_, answer in reversed(self._asked.get(words, ())):
            if self._at(number_) == about:
                return self._value(answer)
        raise KeyError(key)

    def __iter__(self) -> Iterator[tuple[str, object]]:
        return iter(dict.fromkeys((words, self._at(n)) for words, asked in self._asked.items() for n, _ in asked))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _at(self, about: Number | None) -> int | None:
        return self._value(about) if isinstance(about, tuple) else about


@dataclass(frozen=True, slots=True)
class Point:
    """One way everything unknown could be: values of fields, answers to questions, and what any number is then."""

    fields: Mapping[str, int]
    value: Callable[[Number], int]
    answers: Answers


@dataclass(frozen=True, slots=True)
class Packet:
    """One number per field. `raw` is the packet's bytes from the IP header on, where they were given."""

    values: Mapping[str, Number]
    unknowns: Unknowns = field(default_factory=Unknowns, compare=False)
    raw: bytes | None = None

    def __getitem__(self, name: str) -> Number:
        value = self.values.get(name)
        if value is not None:
            return value
        default = FIELDS[name].default
        return default if default is not None else number(self.unknowns.field(name))

    def given(self, name: str) -> bool:
        """Whether this field was given or written, so that reading it brings in nothing unknown of its own."""
        return name in self.values or FIELDS[name].default is not None

    def but(self, values: Mapping[str, Number]) -> Packet:
        """This packet with some fields replaced."""
        return replace(self, values={**self.values, **values})


LARGE = 1 << 12
"""Nodes of a function that gets a name."""
FEW = 4
"""Bits of one field that do."""


def with_names(packet: Packet, before: Packet) -> tuple[Packet, Bool]:
    """A packet in which large functions are variables, and that these are the same; in fields that changed and have
    few such bits: flags that say which way the packet went.
    """
    same: Bool = True
    values: dict[str, Number] = {}
    for name, n in packet.values.items():
        if isinstance(n, int) or n is before.values.get(name):
            continue
        large = [i for i, b in enumerate(n) if not isinstance(b, bool) and b.node_count() > LARGE]
        if 0 < len(large) <= FEW:
            variables = {i: packet.unknowns.named() for i in large}
            same = all_of([same, *(negate(differ(v, n[i])) for i, v in variables.items())])
            values[name] = tuple(variables.get(i, b) for i, b in enumerate(n))
    return packet.but(values) if values else packet, same


def assumption(question: str, settle: str = "", rule: Span | None = None) -> Assumption:
    """Something the dumps cannot settle: how it is asked, and the command whose output would settle it."""
    return Assumption(question, settle, rule)


def presumption(question: str, settle: str = "") -> Assumption:
    """Something that every answer rests on, and that only the running system can deny."""
    return Assumption(question, settle, presumed=True)
