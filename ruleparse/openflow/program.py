"""The program of one bridge: tables are indexed when a walk enters them, flows lowered when a packet finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruleparse.bits import bit, each_value, select
from ruleparse.openflow.action import Act
from ruleparse.openflow.action_set import in_order
from ruleparse.openflow.actions.write_actions import SLOT
from ruleparse.openflow.calls import COUNT, DEEPER, HIGHER, unless_too_much
from ruleparse.openflow.conditions import given
from ruleparse.openflow.fields import flow as flow_field
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.group_tables import group_table
from ruleparse.openflow.groups import Group
from ruleparse.openflow.headers import ETHERNET, TYPE
from ruleparse.openflow.known import Known
from ruleparse.openflow.learned_flow import Learning
from ruleparse.openflow.lookup import ABSENT, Classifier, FlowTable, Found, Values
from ruleparse.openflow.outputs import output_table
from ruleparse.openflow.ports import Ports
from ruleparse.openflow.questions import settled_for_all, unsettled
from ruleparse.openflow.read import FlowDump
from ruleparse.openflow.recirculation import ALONE, Tracking, as_traced, one_pass, tracked
from ruleparse.openflow.runs import Run
from ruleparse.openflow.steps import Steps
from ruleparse.openflow.syntax import flow_parser
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Action, Return, Rule, Set, Table, Test
from ruleparse.text import Diagnostic, Source, Span

Learned = Callable[[str, Packet], Classifier | None]
"""The learned flows of a table that a packet may find."""

if TYPE_CHECKING:
    from ruleparse.kubernetes.cluster import Cluster

MISS = Rule((), (Return(),))
"""What a packet meets that no flow of a table matches."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A way into a flow table: as if the packet came in by `port`; `deeper` where it counts as a level; by the
    addresses of its connection."""

    table: str
    port: int | None = None
    deeper: bool = False
    by_connection: bool = False

    @property
    def name(self) -> str:
        port = "" if self.port is None else f" from {self.port}"
        return f"table {self.table}{port}{' deeper' * self.deeper}{' by connection' * self.by_connection}"


class BridgeProgram(Mapping[str, Table]):
    """Tables by name; a walk begins in `start`."""

    def __init__(
        self, name: str, dumps: Sequence[FlowDump], groups: Mapping[int, Group], ports: Ports, known: Known
    ) -> None:
        self.name = name
        self.known = known
        self.dumps = dumps
        self.groups = groups
        self.port_list = ports
        self.diagnostics: list[Diagnostic] = []
        self.cluster: Cluster | None = None
        """for names; no walk asks for it"""
        self.flows: dict[Rule, Flow] = {}
        self.order = _order((t for dump in dumps for t in dump.tables), known.tables)
        self._tables: dict[str, FlowTable] = {}
        self._entries: dict[str, Entry] = {}
        self._lowered: dict[tuple[int, bool], Rule] = {}
        self._remembered: list[tuple[Act, ...]] = [()]
        self.what_lasts: dict[str, Tracking | Learning] = {}
        """by the names of tables"""
        self._learned: dict[str, Flow] = {}
        self._names_of_these: dict[Tracking | Learning, str] = {}
        self.first = _first(self.order, known.tables)
        self._made: dict[str, Table] = {}
        start = self.entry(self.first)
        self._made |= {
            "start": one_pass("start", start, first=True),
            "tracked": tracked(),
            "output": output_table(ports, start, known.addresses),
            "action set": Table("action set", (), narrow=self._action_set),
        }

    def __getitem__(self, name: str) -> Table:
        table = self._made.get(name)
        if table is None:
            table = self._made[name] = self._make(name)
        return table

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def _make(self, name: str) -> Table:
        if (found := self.flow_table(name)) is not None:
            return found
        if name.startswith("group "):
            return group_table(name, self.groups.get(int(name[6:])), self)
        if name.removesuffix(f" {ALONE}") in self.what_lasts:
            what = self.what_lasts.get(name)
            return as_traced(name, what) if isinstance(what, Tracking) else Table(name, ())
        raise KeyError(name)

    # What actions may ask

    def port(self, text: str) -> int:
        return self.port_list.number(text)

    def meter(self, number: int) -> str:
        return self.known.meter(number)

    def ports_up(self) -> Sequence[int] | None:
        return [p.number for p in self.port_list.saved.values() if p.up] if self.port_list.known else None

    def entry(self, table: str, port: int | None = None, *, deeper: bool = False, by_connection: bool = False) -> str:
        entry = Entry(table, port, deeper, by_connection)
        self._entries[entry.name] = entry
        return entry.name

    def entry_pass(self, table: str) -> str:
        name = f"pass from {table}"
        if name not in self._made:
            self._made[name] = one_pass(name, self.entry(table), first=False)
        return name

    def later_than(self, table: str, other: str) -> bool:
        return self._place(table) > self._place(other)

    def _place(self, table: str) -> int:
        return int(table) if table.isdecimal() else self.order.get(table, 0)

    def make(self, table: Table) -> str:
        name = f"made {len(self._made)}"
        self._made[name] = table
        return name

    def remember(self, actions: Sequence[Act]) -> int:
        if tuple(actions) not in self._remembered:
            self._remembered.append(tuple(actions))
        return self._remembered.index(tuple(actions))

    def lasting(self, what: Tracking | Learning) -> str:
        name = self._names_of_these.setdefault(what, f"lasting {len(self._names_of_these)}")
        self.what_lasts[name] = what
        return name

    def learned(self, line: str, where: str) -> Flow:
        """The flow that the switch has learned, as a line describes it; one for each line. Raises ValueError."""
        if line not in self._learned:
            span = Span(Source(where, line), 0, len(line))
            self._learned[line] = Flow(flow_parser().directly(span), span)
        return self._learned[line]

    # Flow tables

    def table(self, name: str) -> FlowTable:
        """The flows of a table, indexed."""
        if name not in self._tables:
            self._tables[name] = FlowTable(self._runs(name), self.port, self._complain)
        return self._tables[name]

    def read(self, table: str) -> Iterator[Flow]:
        """The flows of a table; those that cannot be read are complained of."""
        for found in self._runs(table):
            yield from found if isinstance(found, Run) else (found,)

    def _runs(self, table: str) -> Iterator[Run | Flow]:
        """The same, many at once where they are alike."""
        for dump in self.dumps:
            for found in dump.runs(table):
                if isinstance(found, Diagnostic):
                    self.diagnostics.append(found)
                else:
                    yield found

    def _complain(self, flow: Flow, message: str) -> None:
        self.diagnostics.append(Diagnostic("syntax", "error", message, flow.span))

    def flow_table(self, name: str, learned: Learned | None = None) -> Table | None:
        """The flows of an entry, and those that the switch has `learned`; None if this is the name of none."""
        entry = self._entries.get(name)
        if entry is None:
            return None

        def narrow(packet: Packet) -> Iterable[Rule]:
            more = None if learned is None else learned(entry.table, packet)
            found = self.table(entry.table).find(values_seen(packet, entry, frame=packet[TYPE] == ETHERNET), more)
            return unless_too_much(packet, self._if_whole(list(self._rules(found, entry))))

        return Table(entry.name, (), MISS, False, self.name, entry.table, narrow)

    def _rules(self, found: Found, entry: Entry) -> Iterator[Rule]:
        """The rule that a packet finds; where it is not defined which, one after the other, all but the last with a
        question."""
        flows = _distinct(f for one in (found, *found.undecided) for f in one.flows)
        yield from (self._with(self._rule(f, entry.deeper), q) for f, q in self._unread(entry.table))
        for flow in flows[:-1]:
            yield self._with(self._rule(flow, entry.deeper), settled_for_all(one_of_several(flow)))
        yield from (self._rule(flow, entry.deeper) for flow in flows[-1:])

    def _if_whole(self, rules: list[Rule]) -> list[Rule]:
        """What a packet finds in dumps that ovs-ofctl may not have finished."""
        cut = next((dump.cut for dump in self.dumps if dump.cut is not None), None)
        if cut is None:
            return rules
        words = f"no flow matters that is missing since ovs-ofctl failed at {cut.where}"
        settle = f"ovs-ofctl -O OpenFlow15 dump-flows {self.name}"
        question = settled_for_all(Assumption(words, settle, cut, presumed=True))
        return [self._with(rule, question) for rule in rules] or [Rule((question,), (Return(),))]

    def _unread(self, table: str) -> Iterator[tuple[Flow, Test]]:
        """Flows that cannot be read, and whether they match."""
        for flow in self.table(table).unread:
            question = Assumption(f"the flow at {flow.span.where}, which cannot be read, matches", "", flow.span)
            yield flow, unsettled(question)

    def _with(self, rule: Rule, test: Test) -> Rule:
        """The rule of a flow, under a condition."""
        asked = Rule((test, *rule.tests), rule.actions, rule.number, rule.span)
        self.flows[asked] = self.flows[rule]
        return asked

    def _rule(self, flow: Flow, deeper: bool) -> Rule:
        key = (id(flow), deeper)
        if key not in self._lowered:
            rule = self._lowered[key] = self._lower(flow, deeper)
            self.flows[rule] = flow
        return self._lowered[key]

    def _lower(self, flow: Flow, deeper: bool) -> Rule:
        body = self._body(flow)
        actions = (COUNT, DEEPER, *body, HIGHER) if deeper else (COUNT, *body)
        return Rule((), (*actions, Return()), _priority(flow), flow.span)

    def _body(self, flow: Flow) -> tuple[Action, ...]:
        try:
            steps = Steps(self, flow.span, flow.table, flow.tests(self.port))
            steps.act(flow.actions)
        except ValueError as error:
            self._complain(flow, str(error))
            steps = Steps(self, flow.span, flow.table)
            steps.unknown("what it does cannot be read, and it")
        return steps.body()

    def _action_set(self, packet: Packet) -> Iterable[Rule]:
        """What an action set does, done once."""
        for held, when in each_value(packet[_ACTION_SET]):
            if held:
                yield Rule((given(when),), (*self._written(held), Return()))
            else:
                yield from (Rule((given(when), *rule.tests), rule.actions) for rule in self._hidden())

    def _written(self, held: int) -> tuple[Action, ...]:
        written: list[Act] = []
        while held:
            written[:0] = self._remembered[held & (1 << SLOT) - 1]
            held >>= SLOT
        steps = Steps(self, None, "0")
        steps.do(Set(_ACTION_SET, 0))
        steps.act(in_order(written))
        return steps.body()

    def _hidden(self) -> Iterator[Rule]:
        """OpenFlow 1.0 has no words for what fills an action set: such flows look as if they had nothing of it."""
        for dump in self.dumps:
            if dump.version == "1.0":
                words = "no flow on the way has write_actions or a meter, which OpenFlow 1.0 cannot show"
                settle = f"ovs-ofctl -O OpenFlow15 dump-flows {self.name}"
                yield Rule((settled_for_all(Assumption(words, settle, presumed=True)),), (Return(),))

    @property
    def sources(self) -> list[Source]:
        """The texts of flows and groups."""
        found = (*(dump.source for dump in self.dumps), *(group.span.source for group in self.groups.values()))
        return list({id(source): source for source in found}.values())

    def flow_of(self, rule: Rule) -> Flow | None:
        """The flow that a rule was made of."""
        return self.flows.get(rule)


def one_of_several(flow: Flow) -> Assumption:
    """Whether of several flows that match alike it is this one."""
    words = f"of flows with the same priority the one at {flow.span.where} is used"
    return Assumption(words, "ofproto/trace", flow.span)


def _priority(flow: Flow) -> int | None:
    try:
        return flow.priority
    except ValueError:
        return None


def _order(tables: Iterable[str], numbers: Mapping[str, int]) -> dict[str, int]:
    """The place of each table: the number of one that is named, where somebody saved it; ovs-ofctl prints them in their
    order."""
    found: dict[str, int] = {}
    for table in tables:
        last = max(found.values(), default=-1)
        found.setdefault(table, int(table) if table.isdecimal() else numbers.get(table, last + 1))
    return found


def _first(order: Iterable[str], numbers: Mapping[str, int]) -> str:
    """Where a packet begins: in table 0, which a dump that has names calls by its name and prints first."""
    tables = list(order)
    if not tables or tables[0].isdecimal() or "0" in tables:
        return "0"
    return next((name for name, number in numbers.items() if number == 0), tables[0])


def _distinct(flows: Iterable[Flow]) -> list[Flow]:
    """Flows that do different things; the first of those that do the same."""
    found: dict[object, Flow] = {}
    for flow in flows:
        found.setdefault(flow.syntax.actions, flow)
    return list(found.values())


_ACTION_SET = flow_field("action_set")
_PORTS = (flow_field("tp_src"), flow_field("tp_dst"))
_BY_CONNECTION = {
    flow_field(a): flow_field(b)
    for a, b in (
        ("nw_src", "ct_nw_src"),
        ("nw_dst", "ct_nw_dst"),
        ("nw_proto", "ct_nw_proto"),
        ("ipv6_src", "ct_ipv6_src"),
        ("ipv6_dst", "ct_ipv6_dst"),
        ("tp_src", "ct_tp_src"),
        ("tp_dst", "ct_tp_dst"),
    )
}


_OF_A_FRAME = tuple(map(flow_field, ("dl_src", "dl_dst", "dl_type", "vlan_tci", "vlan_tci1")))


def values_seen(packet: Packet, entry: Entry, *, frame: bool = True) -> Values:
    """What a lookup sees of a packet: fragments have no ports (frags=normal), only a `frame` has what a frame has."""
    values = packet.values
    changed: dict[str, Any] = {}
    if entry.port is not None:
        changed[flow_field("in_port")] = entry.port
    if entry.by_connection:
        changed |= {a: values.get(b, 0) for a, b in _BY_CONNECTION.items()}
    if not frame:
        changed |= dict.fromkeys(_OF_A_FRAME, ABSENT)
    if (fragment := bit(packet[flow_field("nw_frag")], 0)) is not False:
        changed |= {port: select(fragment, 0, {**values, **changed}.get(port, 0)) for port in _PORTS}
    return {**values, **changed} if changed else values
