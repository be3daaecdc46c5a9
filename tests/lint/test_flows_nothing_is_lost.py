"""A flow that lint says is never reached can be deleted: every packet fares as before."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ruleparse.lint.run import Wanted, lint
from tests.bridges import ask, snapshot

IDLE = Wanted(select=["flow-never-reached", "conjunction-without-clauses"], level="note")
MATCHES = [
    "ip",
    "tcp",
    "tcp,tp_dst=80",
    "tcp,tp_dst=0x50/0xfff0",
    "ip,nw_src=10.0.0.0/31",
    "ip,nw_src=10.0.0.2/31",
    "ip,nw_src=10.0.0.0/30",
    "ip,nw_dst=10.0.0.1",
    "in_port=1",
    "in_port=2",
    "reg0=0/1",
    "reg0=1/1",
    "ct_state=-trk",
    "ct_state=+trk",
    "conj_id=1,ip",
    "",
]
ENDS = ["drop", "output:3", "output:4", "conjunction(1,1/2)", "conjunction(1,2/2)", "conjunction(2,1/2)"]
ONWARD = ["resubmit(,1)", "load:1->NXM_NX_REG0[0],resubmit(,1)", "ct(table=1)"]
PRIORITIES = st.integers(1, 5)
FIRST = st.tuples(st.just(0), PRIORITIES, st.sampled_from(MATCHES), st.sampled_from([*ENDS, *ONWARD]))
SECOND = st.tuples(st.just(1), PRIORITIES, st.sampled_from(MATCHES), st.sampled_from(ENDS))
PACKETS = [
    f"in_port={port},{protocol},nw_src=10.0.0.{source},nw_dst=10.0.0.{destination}{ports}"
    for port in (1, 2)
    for protocol, ports in (("tcp", ",tcp_dst=80"), ("tcp", ",tcp_dst=443"), ("udp", ""))
    for source in (1, 2, 7)
    for destination in (1, 9)
]


def written(flows):
    """As a switch holds them: of flows with the same match and priority the last."""
    kept = {(table, priority, match): actions for table, priority, match, actions in flows}
    lines = []
    for (table, priority, match), actions in kept.items():
        lines.append(f"table={table},priority={priority}{',' * bool(match)}{match} actions={actions}")
    return lines


def fates(lines):
    found = [ask("\n".join(lines) + "\n", packet).outcomes for packet in PACKETS]
    return [sorted((o.verdict, tuple(e.port for e in o.egress)) for o in outcomes) for outcomes in found]


HALVES = [
    (0, 3, "ip,nw_src=10.0.0.0/31", "output:3"),
    (0, 3, "ip,nw_src=10.0.0.2/31", "drop"),
    (0, 2, "ip,nw_src=10.0.0.0/30", "output:4"),
]
CLAUSES = [
    (0, 5, "tcp", "conjunction(1,1/2)"),
    (0, 5, "in_port=1", "conjunction(1,2/2)"),
    (0, 4, "conj_id=1,ip", "drop"),
]


@settings(max_examples=20, deadline=None)
@example(HALVES, [])
@example([*CLAUSES, (0, 2, "tcp", "output:4")], [])
@example([*CLAUSES, (0, 3, "ip", "output:3"), (0, 2, "tcp", "output:4")], [])
@given(st.lists(FIRST, min_size=2, max_size=6), st.lists(SECOND, max_size=4))
def test_deleting_an_idle_flow_changes_nothing(first, second):
    lines = written([*first, *second])
    idle = {finding.span.line for finding in lint(snapshot("\n".join(lines) + "\n"), IDLE)}
    fared = fates(lines) if idle else None
    for line in idle:
        assert fates([*lines[: line - 1], *lines[line:]]) == fared, lines[line - 1]


@pytest.mark.parametrize(("flows", "line"), [(HALVES, 3), ([*CLAUSES, (0, 3, "ip", "drop"), (0, 2, "tcp", "drop")], 5)])
def test_idle_flows_are_found(flows, line):
    lines = written(flows)
    assert [finding.span.line for finding in lint(snapshot("\n".join(lines) + "\n"), IDLE)] == [line]
