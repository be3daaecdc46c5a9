"""A row of actions on its way into rules: each action adds what it does, under a condition where it needs one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import HEX
from ruleparse.openflow.keys import NEEDS, FlowKey, Part, Subfield
from ruleparse.openflow.questions import unsettled
from ruleparse.packet import Assumption
from ruleparse.program import Action, Call, Copy, Fork, Masked, Return, Rule, Set, Stop, Table, Test

if TYPE_CHECKING:
    from ruleparse.openflow.action import Act
    from ruleparse.openflow.learned_flow import Learning
    from ruleparse.openflow.recirculation import Tracking
    from ruleparse.text import Span

Tests = tuple[Test | Masked, ...]

LASTING = (flow("resubmits"), flow("failed"))
"""What one copy of the packet did counts for all."""
EXIT = Stop("exit")
FAIL = (Set(flow("failed"), 1), Set(flow("exited"), 1), EXIT)


class Bridge(Protocol):
    """What actions may ask of the bridge that they are in."""

    def port(self, text: str) -> int:
        """The number of a port by its name or number. Raises ValueError."""

    def entry(self, table: str, port: int | None = None, *, deeper: bool = False, by_connection: bool = False) -> str:
        """The program's name of a flow table: as if the packet came in by `port`, one level deeper, or as if its
        addresses were those of its connection."""

    def entry_pass(self, table: str) -> str:
        """The program's name of a whole pass that begins in a flow table."""

    def later_than(self, table: str, other: str) -> bool:
        """Whether one flow table has a higher number than another."""

    def make(self, table: Table) -> str:
        """Add a table of our own; its name."""

    def remember(self, actions: Sequence[Act]) -> int:
        """A number for some actions, for an action set to hold."""

    def lasting(self, what: Tracking | Learning) -> str:
        """The program's name of something of which a switch through which packets pass remembers what comes of it."""

    def ports_up(self) -> Sequence[int] | None:
        """The ports that can be sent to, None if nobody saved which there are."""

    def meter(self, number: int) -> str:
        """A meter in words, with its rate where somebody saved it."""


class Steps:
    """The actions of one flow, bucket or set. `knows` is what is certain of its packets, `table` where it stands."""

    def __init__(self, bridge: Bridge, span: Span | None, table: str, knows: Iterable[Masked] = ()) -> None:
        self.bridge = bridge
        self.span = span
        self.table = table
        self.knows = frozenset(knows)
        self.rules: list[Rule] = []
        self.pending: list[Action] = []

    @property
    def where(self) -> str:
        return "an action" if self.span is None else f"the flow at {self.span.where}"

    def asks(self, question: str, settle: str = "", probability: float | None = None) -> Assumption:
        """A question that these actions raise."""
        return Assumption(question, settle, self.span, probability)

    def do(self, *actions: Action) -> None:
        """Go on with these actions."""
        self.pending += actions

    def when(self, tests: Tests, *actions: Action) -> None:
        """Do these only if all tests hold, then go on."""
        self.flush()
        self.rules.append(Rule(tests, actions))

    def needing(self, needs: str, *actions: Action) -> None:
        """Do these only to packets that have what is needed (a row of NEEDS)."""
        missing = [tuple(t for t in case if t not in self.knows) for case in NEEDS[needs]]
        certain = min(missing, key=len)
        if not certain:
            self.do(*actions)
            return
        named = any(t.field == flow("dl_type") for t in self.knows)
        cases = [m for m in missing if not named or all(t.field != flow("dl_type") for t in m)] or missing
        for case in cases:
            self.when(case, *actions)

    def act(self, actions: Iterable[Act]) -> None:
        for a in actions:
            a.kind.lower(a.value, self)

    def inner(self, actions: Iterable[Act], *first: Action) -> tuple[Action, ...]:
        """Actions inside of these, to be done by a table of their own."""
        steps = Steps(self.bridge, self.span, self.table, self.knows)
        steps.do(*first)
        steps.act(actions)
        return steps.body()

    def aside(self, table: Table, *also: str) -> None:
        """Walk a table with a copy of the packet; of what that changes only counters last."""
        self.do(Fork(self.bridge.make(table), (*LASTING, *also)))

    def call(self, table: Table) -> None:
        """Walk a table of our own and come back."""
        self.do(Call(self.bridge.make(table)))

    def unknown(self, what: str) -> None:
        """Something that is not followed: the packet goes on as it was, or ends here."""
        question = self.asks(f"{what} leaves it to the flows behind {self.where} as it was")
        self.when((unsettled(question, negated=True),), Set(flow("exited"), 1), EXIT)

    def flush(self) -> None:
        if self.pending:
            self.rules.append(Rule((), tuple(self.pending)))
            self.pending = []

    def body(self) -> tuple[Action, ...]:
        """All of it: in a row if there are no conditions, else in a table of our own."""
        if not self.rules:
            return tuple(self.pending)
        self.flush()
        return (Call(self.bridge.make(Table("", tuple(self.rules)))),)


def write_number(target: Subfield, value: int, mask: int | None = None) -> tuple[Action, ...]:
    """Set bits of a field; of those under `mask`, all if None."""
    found, at = [], 0
    wanted = (1 << target.width) - 1 if mask is None else mask
    for part in target.parts():
        bits = (1 << part.width) - 1
        if part_mask := wanted >> at & bits:
            found.append(Set(part.field, (value >> at & part_mask) << part.offset, part_mask << part.offset))
        at += part.width
    return tuple(found)


def copy_bits(source: Subfield, target: Subfield) -> tuple[Action, ...]:
    """Copy as many bits as the smaller has, from the least significant; the target's others become 0."""
    sources, targets = list(source.parts()), list(target.parts())
    scratch = Part(flow("scratch"), 0, target.width)
    if {p.field for p in sources} & {p.field for p in targets} and len(sources) + len(targets) > 2:
        return (Set(scratch.field, 0), *_pieces(sources, [scratch]), *_pieces([scratch], targets))
    short = sum(p.width for p in sources) < target.width
    return (*(write_number(target, 0) if short else ()), *_pieces(sources, targets))


def _pieces(sources: list[Part], targets: list[Part]) -> list[Action]:
    """Copies of the stretches that stand in one part on both sides."""
    found: list[Action] = []
    sources, targets = sources[:], targets[:]
    while sources and targets:
        s, t = sources[0], targets[0]
        width = min(s.width, t.width)
        bits = (1 << width) - 1
        found.append(Copy(t.field, s.field, bits << t.offset, bits << s.offset, t.offset - s.offset))
        sources[:1] = [Part(s.field, s.offset + width, s.width - width)] if s.width > width else []
        targets[:1] = [Part(t.field, t.offset + width, t.width - width)] if t.width > width else []
    return found


def state_bits(name: str, width: int) -> Subfield:
    """The lowest bits of a number that a translation keeps beside the packet."""
    return Subfield(FlowKey(name, name, (), width, HEX, (Part(name, 0, width),)), 0, width, name)


LEAVE = Return()
