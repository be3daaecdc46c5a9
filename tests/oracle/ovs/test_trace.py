"""Traces are read right, and differences between them and answers are seen. Needs no switch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.compare import EXACT, SILENT, UNKNOWN, WRONG
from tests.oracle.ovs import compare, trace

TEXT = """\
Flow: tcp,in_port=3,vlan_tci=0x0000,dl_src=0e:10:00:00:01:03,dl_dst=0e:10:00:00:01:04,nw_src=10.10.0.23,\
nw_dst=10.96.0.1,nw_tos=32,nw_ecn=1,nw_ttl=64,nw_frag=no,tp_src=1000,tp_dst=80,tcp_flags=syn

bridge("br-int")
----------------
 0. in_port=3, priority 190, cookie 0x1030000000000
    load:0x2->NXM_NX_REG0[0..15]
    resubmit(,9)
     9(services). No match.
            drop
    clone(set_field:0e:10:00:00:01:05->eth_dst,output:5)
     -> the clone is done
    ct(table=31,zone=65520,nat)
    nat
     -> A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table 31.

Final flow: tcp,reg0=0x2,in_port=3
Megaflow: recirc_id=0,eth,tcp,in_port=3,nw_frag=no
Datapath actions: clone(set(eth(dst=0e:10:00:00:01:05)),7),push_vlan(vid=10,pcp=0),ct(zone=65520,nat),recirc(0x2a)

===============================================================================
recirc(0x2a) - resume conntrack with default ct_state=trk|new (use --ct-next to customize)
===============================================================================

Flow: recirc_id=0x2a,ct_state=new|trk,tcp,in_port=3,dl_vlan=10,dl_vlan_pcp=0,dl_src=0e:10:00:00:01:03,\
dl_dst=0e:10:00:00:01:04,nw_src=10.10.0.23,nw_dst=10.10.0.24,nw_tos=32,nw_ecn=1,nw_ttl=64,tp_src=1000,tp_dst=8080

bridge("br-int")
----------------
    thaw
        Resuming from table 31
31. priority 0
    dec_ttl
    output:4

Final flow: tcp
Megaflow: recirc_id=0x2a
Datapath actions: set(ipv4(ttl=63)),pop_vlan,set(tcp(dst=9090)),3
"""
TRACE = trace.read(TEXT)
PORTS, NAMES = {7: 5, 3: 4}, {31: "state"}
STEPS: list[dict[str, Any]] = [
    {"bridge": "br-int", "table": 0, "table_name": None, "priority": 190},
    {"bridge": "br-int", "table": 9, "table_name": None, "priority": None},
    {"bridge": "br-int", "table": None, "table_name": "state", "priority": 0},
]
FIRST = {"src": "10.10.0.23", "dst": "10.96.0.1", "ttl": 64, "tos": 33, "sport": 1000, "dport": 80}
SECOND = FIRST | {"dst": "10.10.0.24", "ttl": 63, "dport": 9090}
OUTCOME: dict[str, Any] = {
    "steps": STEPS,
    "egress": [{"port": 5, "packet": FIRST}, {"port": 4, "packet": SECOND}],
    "probability": 1,
}


def test_a_trace_is_read() -> None:
    assert list(map(str, TRACE.steps)) == ["table 0 priority 190 in_port=3", "table 9 miss", "table 31 priority 0 "]
    assert [output.port for output in TRACE.outputs] == [7, 3]
    assert len(TRACE.segments) == 2
    assert not TRACE.stops_at_a_choice


def test_headers_are_those_at_each_output() -> None:
    first, second = (output.headers for output in TRACE.outputs)
    assert (first["eth_dst"], first["dst"], first["tos"], "vlan" in first) == (
        "0e:10:00:00:01:05",
        "10.96.0.1",
        "33",
        False,
    )
    assert (second["ttl"], second["dst"], second["dport"], "vlan" in second) == ("63", "10.10.0.24", "9090", False)


def test_masked_values_change_some_bits() -> None:
    segment = trace.Segment("tcp,nw_tos=32,nw_ecn=1,nw_ttl=64", actions="set(ipv4(tos=0xb8/0xfc)),1")
    (output,) = trace.outputs(segment)
    assert output.headers["tos"] == str(0xB8 | 1)


@pytest.mark.parametrize(
    ("changed", "kind", "what"),
    [
        ({}, EXACT, ""),
        ({"assumptions": [{"question": "?"}]}, UNKNOWN, ""),
        ({"steps": STEPS[:1]}, WRONG, "flows"),
        ({"egress": OUTCOME["egress"][:1]}, WRONG, "outputs"),
        ({"egress": [OUTCOME["egress"][0], {"port": 4, "packet": FIRST}]}, WRONG, "headers"),
    ],
)
def test_differences_are_seen(changed: dict[str, Any], kind: str, what: str) -> None:
    judgement = compare.judge(TRACE, PORTS, {"outcomes": [OUTCOME | changed]}, NAMES)
    assert (judgement.kind, judgement.what) == (kind, what)


def test_one_of_several_by_chance_is_right() -> None:
    outcomes = [OUTCOME | {"probability": 0.5}, OUTCOME | {"probability": 0.5, "steps": []}]
    assert compare.judge(TRACE, PORTS, {"outcomes": outcomes}, NAMES).kind == EXACT
    assert compare.judge(TRACE, PORTS, {"outcomes": []}).kind == SILENT


def test_where_the_datapath_chooses_every_outcome_goes_on_from_there() -> None:
    chosen = trace.read(TEXT.replace("set(tcp(dst=9090)),3", "hash(sym_l4(0)),recirc(0x2b)"))
    assert chosen.stops_at_a_choice
    further = OUTCOME | {"steps": [*STEPS, {"bridge": "br-int", "table": 40, "table_name": None, "priority": 1}]}
    assert compare.judge(chosen, PORTS, {"outcomes": [further, OUTCOME]}, NAMES).kind == EXACT
    assert compare.judge(chosen, PORTS, {"outcomes": [further, OUTCOME | {"steps": STEPS[:1]}]}, NAMES).kind == WRONG
