"""What holds of `query` and `diff` in bridges whatever the flows are."""

from collections import Counter
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ruleparse import bits
from ruleparse.changes.bridge import bridge_difference
from ruleparse.fates.deliveries import deliveries
from ruleparse.openflow.fields import flow
from ruleparse.openflow.program import BridgeProgram
from ruleparse.openflow.trace_flow import read_trace_flow
from ruleparse.query.bridge import SENT, AskingBridge, bridge_query
from ruleparse.query.bridge_spec import asked_of_bridge
from ruleparse.query.host import Packets
from ruleparse.snapshot import Snapshot
from ruleparse.spec import SpecError
from ruleparse.text import Source
from ruleparse.why_bridge import why_bridge
from tests.bridges import snapshot
from tests.examples import examples
from tests.pipelines import ASKED, FLOWS, GROUPS, MEMBERS
from tests.pipelines import flow as flow_of_table

SPEC = {"bridge": "br0", "flow": f"{ASKED},nw_ttl=64,tp_src=1000"}
ONE_PORT = {"bridge": "br0", "flow": f"in_port=1,{SPEC['flow']}"}
PORTS = 7
"""six, and the bridge's own"""
Fate = Counter[tuple[object, ...]]


def bridge(flows: list[str]) -> Snapshot:
    return snapshot("\n".join(flows) + "\n", GROUPS)


def program_of(saved: Snapshot) -> BridgeProgram:
    program = saved.bridge("br0")
    assert program is not None
    return program


def told(found: Packets) -> tuple[object, ...]:
    return found.verdict, found.egress


@examples(12)
@given(FLOWS)
def test_sets_partition_the_packets(flows):
    answer = bridge_query(bridge(flows), SPEC)
    assert answer.count == MEMBERS * PORTS
    plain = sum(p.count * p.probability for p in answer.sets if not p.assumptions)
    assert plain <= answer.count + 0.01
    if not any(p.assumptions for p in answer.sets):
        assert plain == pytest.approx(answer.count)


@examples(12)
@given(FLOWS)
def test_witnesses_walk_to_the_fate_they_stand_for(flows):
    saved = bridge(flows)
    for found in bridge_query(saved, SPEC).sets:
        outcomes = why_bridge(saved, found.witness).outcomes
        ways = [(o.verdict, ways_out(o)) for o in outcomes]
        assert (found.verdict, sorted((found.egress or "").split(", "))) in ways


def ways_out(outcome: Any) -> list[str]:
    ports = [f"port {e.port}" + (f" ({e.name})" if e.name else "") for e in outcome.egress]
    return sorted(ports or [{"controller": "the controller"}.get(outcome.verdict, "")])


@examples(12)
@given(FLOWS, st.data())
def test_concrete_answers_are_those_of_the_symbolic_walk(flows, data):
    saved = bridge(flows)
    program = program_of(saved)
    asking = AskingBridge(saved, program, SPEC, asked_of_bridge([program], SPEC, 1 << 20))
    sendings = asking.sendings()
    every = list(product(range(1, 7), range(8), range(8), (80, 81)))
    for port, source, target, dport in data.draw(st.lists(st.sampled_from(every), min_size=4, max_size=4)):
        text = (
            f"in_port={port},tcp,nw_src=10.0.0.{source},nw_dst=10.0.0.{target},nw_ttl=64,tcp_src=1000,tcp_dst={dport}"
        )
        values = {**asking.question.packet.values, **read_trace_flow(text, program.port_list)}
        known = {name: n for name, n in values.items() if isinstance(n, int)}
        alone = deliveries(program, "start", known, flow("pass"), flow("failed")).found
        here = bits.all_of(bits.equal_masked(n, known.get(name, 0), -1) for name, n in asking.unknowns.fields.items())
        assert {frozenset(Counter(map(sent, d.sent)).items()) for d in alone} == set(fates_at(asking, sendings, here))


def sent(copy: Any) -> tuple[object, ...]:
    port = copy.packet[flow("out_port")] if copy.to == "port" else None
    return copy.to, port, tuple(copy.packet[flow(name)] for name in SENT)


def fates_at(asking: AskingBridge, sendings: Any, here: Any) -> Any:
    """Every fate of one packet, whatever is answered and chosen."""
    for sending in sendings:
        region = bits.both(sending.where, here)
        while region is not False:
            value = asking.unknowns.witness(region).value
            numbers = [[copy.end.packet[flow(name)] for name in SENT] for copy in sending.copies]
            copies = [
                (copy.to, copy.port, tuple(map(value, row))) for copy, row in zip(sending.copies, numbers, strict=True)
            ]
            yield frozenset(Counter(copies).items())
            same: bits.Bool = region
            for n in (n for row in numbers for n in row):
                same = bits.both(same, bits.equal_masked(n, value(n), -1))
            region = bits.without(region, same)


@examples(10)
@given(FLOWS)
def test_nothing_changes_between_a_bridge_and_itself(flows):
    assert not bridge_difference(bridge(flows), bridge(flows), SPEC).changes


@examples(10)
@given(FLOWS, flow_of_table(10))
def test_a_difference_is_mirrored(flows, other):
    others = [other, *flows]
    forth = bridge_difference(bridge(flows), bridge(others), ONE_PORT).changes
    back = bridge_difference(bridge(others), bridge(flows), ONE_PORT).changes
    assert Counter((told(c.before), told(c.after), c.after.count) for c in forth) == Counter(
        (told(c.after), told(c.before), c.before.count) for c in back
    )


@examples(15)
@given(FLOWS, st.data())
def test_removing_a_flow_that_no_packet_reaches_changes_nothing(flows, data):
    at = data.draw(st.integers(0, len(flows) - 1))
    numbered = [f"cookie={n:#x}, {one}" for n, one in enumerate(flows)]
    saved = bridge(numbered)
    program = program_of(saved)
    asking = AskingBridge(saved, program, SPEC, asked_of_bridge([program], SPEC, 1 << 20))
    reached = {found.cookie for hit in asking.found.hits if (found := asking.words.flow_of(hit)) is not None}
    assume(at not in reached and "conjunction" not in flows[at] and not program.table("0").unread)
    rest = flows[:at] + flows[at + 1 :]
    assert not bridge_difference(bridge(flows), bridge(rest), SPEC).changes


@examples(10)
@given(FLOWS)
def test_numbers_of_tables_order_and_cookies_are_nothing(flows):
    renumbered = [f"cookie={n:#x}, {renamed(one)}" for n, one in enumerate(reversed(flows))]
    assert not bridge_difference(bridge(flows), bridge_with(renumbered), SPEC).changes


def renamed(text: str) -> str:
    for number in ("10", "15", "20", "30"):
        for start, end in (("table=", ","), ("table=", ")"), ("resubmit(,", ")"), ("goto_table:", "")):
            text = text.replace(f"{start}{number}{end}", f"{start}1{number}{end}")
    return text


def bridge_with(flows: list[str]) -> Snapshot:
    return snapshot("\n".join(flows) + "\n", GROUPS.replace("resubmit(,30)", "resubmit(,130)"))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"flow": "tp_dst=80,arp"}, "contradicts"),
        ({"flow": "nw_dst"}, "takes a value"),
        ({"flow": "tcp,color=red"}, "not a field"),
        ({"in": "eth7"}, "no port eth7"),
        ({"src": "10.0.0.1", "dst": "fd00::1"}, "IPv4 and IPv6"),
        ({"uid": "1"}, "not about a packet in a bridge"),
    ],
)
def test_what_makes_no_sense_is_said(spec, words):
    with pytest.raises(SpecError, match=words):
        bridge_query(bridge(["actions=output:1"]), {"bridge": "br0", **spec})


@pytest.mark.parametrize(
    ("flow", "tag", "asked"),
    [
        ("in_port=1,ip", "[]", "the bridge has not learned where 00:00:00:00:00:00 is"),
        ("ip,nw_dst=10.0.0.2", "10", "every port carries all VLANs, whatever tag and trunks say"),
    ],
)
def test_what_normal_depends_on_is_said(flow, tag, asked):
    ports = f"name : p2\ninterfaces : []\ntag : {tag}\nvlan_mode : []\n"
    saved = snapshot("actions=NORMAL\n", "")
    assert saved.bridges is not None
    saved.bridges.more = {"ovs-vsctl": [Source("ports", ports)]}
    sent = [found for found in bridge_query(saved, {"bridge": "br0", "flow": flow}).sets if found.verdict == "accept"]
    assert sent
    assert all(asked in {a.question for a in found.assumptions} for found in sent)
