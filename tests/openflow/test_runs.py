"""Flows that are alike are read many at once, and come out as if each had been read by itself."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleparse.openflow import lookup, read
from ruleparse.openflow.action import read_actions, show_actions
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.lookup import FlowTable
from ruleparse.openflow.read import FlowDump, read_flows
from ruleparse.openflow.runs import ENOUGH, Run
from ruleparse.openflow.syntax import SyntaxProblem
from ruleparse.text import Diagnostic, Source
from tests.places import CORPORA

VALUES = st.sampled_from(
    ["0", "7", "0x10/0xf0", "10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "0a:00:00:00:00:01", "fd00::1", "::/0", "0xffff",
     "aa:00:00:00:00:01/ff:00:00:00:00:00", '"p 1"', '"a\\"b"', "p1", "LOCAL", "", "é", "8.é", "ab:1g", "1=2", "10,x",
     "'", "-1", "00.11"]
)  # fmt: skip
TEMPLATES = (
    " cookie=0x{}, duration={}s, table=0, n_packets={}, priority={},ip,nw_src={} actions=output:{}",
    " table=0, priority={},tcp,nw_dst={},tp_dst={} actions=conjunction({},1/2)",
    " table=0, in_port={},dl_dst={} actions=load:{}->NXM_NX_REG0[0..15],output:{}",
    " table=0, priority={},ipv6,reg0={},ipv6_src={} actions=ct(commit,table={},nat(dst={}))",
    " table=0, ip actions=ct(zone={},nat(src={}),exec(set_field:{}->ct_mark)),conjunction({},{}/2),set_field:{}->reg1",
    " table=0, dl_vlan={},reg1={},xreg0={} actions=drop",
    " table=0, priority={}5,{}=1,nw_proto={} actions=output:{},note:{}",
    " priority={},arp,arp_tpa={} actions=IN_PORT",
    ' table=0, priority=1,in_port="{}" actions=output:"{}"',
)


@st.composite
def dumps(draw: Any) -> str:
    """Lines of which many in a row are alike."""
    lines = []
    for template in draw(st.lists(st.sampled_from(TEMPLATES), min_size=1, max_size=3)):
        columns = [draw(st.lists(VALUES, min_size=1, max_size=3)) for _ in range(template.count("{}"))]
        count = draw(st.integers(1, ENOUGH + 6))
        lines += [template.format(*(column[n % len(column)] for column in columns)) for n in range(count)]
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\r\n"]))


def one_by_one(dump: FlowDump, table: str) -> Iterator[Any]:
    for span in dump.lines(table):
        try:
            yield dump.reader.parser.directly(span), span.start, span.end
        except SyntaxProblem as problem:
            yield problem.diagnostic.message


def many_at_once(dump: FlowDump, table: str) -> Iterator[Any]:
    for found in dump.runs(table):
        for flow in found if isinstance(found, Run) else (found,):
            if isinstance(flow, Diagnostic):
                yield flow.message
            else:
                yield flow.syntax, flow.span.start, flow.span.end


@settings(max_examples=150, deadline=None)
@given(dumps())
def test_runs_equal_the_grammar(text: str):
    dump = read_flows(Source("flows", text))
    for table in dump.tables:
        assert list(many_at_once(dump, table)) == list(one_by_one(dump, table))


@pytest.mark.parametrize(
    "file", sorted(CORPORA.glob("antrea-*/**/flows.txt")), ids=lambda f: str(f.relative_to(CORPORA))
)
def test_runs_equal_the_grammar_on_real_dumps(file: Path):
    dump = read_flows(Source.from_path(file))
    for table in dump.tables:
        assert list(many_at_once(dump, table)) == list(one_by_one(dump, table))


def test_many_lines_are_a_run():
    text = "".join(f" table=0, priority=5,ip,nw_src=10.0.0.{n} actions=output:{n}\n" for n in range(50))
    found = list(read_flows(Source("flows", text)).runs("0"))
    assert [len(f) if isinstance(f, Run) else 1 for f in found] == [1] * ENOUGH + [50 - ENOUGH]


# What they match


def held(table: FlowTable) -> Any:
    """Every flow by what it asks of a packet."""
    return [
        {
            (shelf.bits, priority, values): str(flow.span.start)
            for shelf in classifier.shelves
            for priority, flows in shelf.flows.items()
            for values, held in flows.items()
            for flow in (lookup.held_flow(held),)
        }
        for classifier in (table.ordinary, table.clauses)
    ]


def indexed(flows: Iterable[Run | Flow]) -> Any:
    told: list[tuple[str, int]] = []
    table = FlowTable(flows, len, lambda flow, message: told.append((message, flow.span.start)))
    return held(table), told, table.count, [flow.span.start for flow in table.unread]


@settings(max_examples=150, deadline=None)
@given(dumps())
def test_columns_equal_single_flows(text: str):
    dump = read_flows(Source("flows", text))
    found = [f for f in dump.runs("0") if not isinstance(f, Diagnostic)]
    single = [flow for f in found for flow in (f if isinstance(f, Run) else (f,))]
    assert indexed(found) == indexed(single)


# What they do


def done(read: Callable[[], Any]) -> Any:
    try:
        return list(read())
    except ValueError:
        return None


def one_after_another(run: Run) -> list[Any]:
    return [read_actions(flow.syntax.actions) for flow in run]


@settings(max_examples=150, deadline=None)
@given(dumps())
def test_actions_equal_single_flows(text: str):
    for run in read_flows(Source("flows", text)).runs("0"):
        if isinstance(run, Run):
            assert done(run.actions) == done(partial(one_after_another, run))


def test_where_nat_leads_is_read_anew():
    text = "".join(
        f" table=0, ip,reg0={n} actions=ct(nat(dst=10.0.0.{n}:80),exec(load:0x{1 + n % 2 * odd}->NXM_NX_CT_MARK[]))\n"
        for odd in (0, 1)
        for n in range(30)
    )
    runs = [found for found in read_flows(Source("flows", text)).runs("0") if isinstance(found, Run)]
    shown = [show_actions(actions) for run in runs for actions in run.actions()]
    assert shown == [line.partition(" actions=")[2] for line in text.splitlines()][ENOUGH:]


# Which table they are of

LINES = st.sampled_from(
    [" cookie=0x1, duration=1s, table=1, ip actions=drop", " table=1, ip actions=drop", " table=2, ip actions=a(b),c",
     "table=2, ip actions=drop", ' table="a b", ip actions=drop', " ip actions=drop", " table=2, ip \\", " table=2, ip",
     "table_id=1, duration=0s, ip,actions=drop", " table=2, ip actions=a(", "  b),c", "   actions=drop", "", "# said",
     "OFPST_FLOW reply (OF1.3):", " table=1, ip actions=drop\r", "ovs-ofctl: gone", " table=1, ip actions=drop ", "no"]
)  # fmt: skip


def by_table(text: str) -> Any:
    dump = read_flows(Source("flows", text))
    lines = {table: [(s.start, s.end) for s in dump.lines(table)] for table in dump.tables}
    return lines, [d.render() for d in dump.diagnostics], dump.headers, dump.version


@settings(max_examples=300)
@given(st.lists(LINES, max_size=8), st.booleans())
def test_quick_and_careful_reading_agree(lines: list[str], ends: bool):
    text = "\n".join(lines) + "\n" * ends
    found = by_table(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "same_table", lambda *_: None)
        assert found == by_table(text)
