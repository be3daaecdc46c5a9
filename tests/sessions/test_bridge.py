"""Packets through a bridge one after another: rows of `tables/bridge_sessions.toml`, and what no switch can show."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from ruleparse.sessions.bridge import MOST_WORLDS, BridgeSession
from ruleparse.why_bridge import BridgeOutcome
from tests.bridge_packets import packet
from tests.bridges import snapshot
from tests.places import TABLES

ROWS: list[dict[str, Any]] = tomllib.loads((TABLES / "bridge_sessions.toml").read_text("utf-8"))["row"]


def copies(outcome: BridgeOutcome) -> list[str]:
    return sorted(f"{e.port} {end(e.packet, 'src')} > {end(e.packet, 'dst')}" for e in outcome.egress)


def end(p: Any, which: str) -> str:
    port = p.get({"src": "icmp_type", "dst": "icmp_code"}[which], p.get(f"{which[0]}port"))
    return f"{p[which]}:{port}"


def ask(session: BridgeSession, flow: str, *ct_next: str) -> list[BridgeOutcome]:
    return list(session.why({"bridge": "br0", "flow": flow, "ct_next": list(ct_next)}).outcomes)


def ways(outcomes: list[BridgeOutcome]) -> list[tuple[list[str], float]]:
    return sorted((copies(o), round(o.probability, 3)) for o in outcomes)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_rows(row: dict[str, Any]) -> None:
    session = BridgeSession(snapshot(row["flows"]))
    for words, *expected in row["packets"]:
        (outcome,) = ask(session, packet(words).flow)
        assert copies(outcome) == sorted(expected), words


TRACKED = """
table=0,udp actions=ct(table=1)
table=1,priority=3,udp,ct_state=+new actions=ct(commit),output:2
table=1,priority=2,udp,ct_state=+rpl actions=output:3
table=1,priority=1,udp,ct_state=+est-rpl actions=output:4
"""
THERE, BACK = packet("1 udp 10.0.0.1:1 > 10.0.0.2:2").flow, packet("2 udp 10.0.0.2:2 > 10.0.0.1:1").flow


def test_what_is_said_of_conntrack_wins() -> None:
    session = BridgeSession(snapshot(TRACKED))
    assert [copies(o)[0][0] for o in ask(session, THERE, "trk,est")] == ["4"]
    assert [copies(o)[0][0] for o in ask(session, THERE)] == ["2"]
    assert [copies(o)[0][0] for o in ask(session, BACK)] == ["3"]
    assert [copies(o)[0][0] for o in ask(session, BACK, "trk,est")] == ["4"]


GROUP = (
    "group_id=1,type=select,bucket=bucket_id:0,weight:100,actions=ct(commit,table=1,nat(dst=10.0.0.2)),"
    "bucket=bucket_id:1,weight:100,actions=ct(commit,table=1,nat(dst=10.0.0.3))"
)
BALANCED = """
table=0,priority=2,udp,nw_dst=10.96.0.1 actions=ct(table=2,nat)
table=0,priority=1,udp actions=ct(table=1,nat)
table=1,udp actions=output:5
table=2,priority=2,udp,ct_state=+new actions=group:1
table=2,priority=1,udp actions=output:5
"""


def test_where_a_switch_chose_later_packets_go_the_same_way() -> None:
    session = BridgeSession(snapshot(BALANCED, GROUP))
    there = packet("1 udp 10.0.0.1:1 > 10.96.0.1:80").flow
    chosen = [(["5 10.0.0.1:1 > 10.0.0.2:80"], 0.5), (["5 10.0.0.1:1 > 10.0.0.3:80"], 0.5)]
    assert ways(ask(session, there)) == chosen
    assert ways(ask(session, there)) == chosen
    back = ways(ask(session, packet("2 udp 10.0.0.2:80 > 10.0.0.1:1").flow))
    assert back == [(["5 10.0.0.2:80 > 10.0.0.1:1"], 0.5), (["5 10.96.0.1:80 > 10.0.0.1:1"], 0.5)]


def test_too_many_worlds_are_said_to_be() -> None:
    session = BridgeSession(snapshot(BALANCED, GROUP))
    for number in range(MOST_WORLDS.bit_length()):
        outcomes = ask(session, packet(f"1 udp 10.0.0.1:{number} > 10.96.0.1:80").flow)
    outcomes = ask(session, packet("1 udp 10.0.0.1:999 > 10.96.0.1:80").flow)
    assert all(str(MOST_WORLDS) in o.assumptions[0].question for o in outcomes)
    assert sum(o.probability for o in outcomes) == pytest.approx(1)


def test_a_range_of_addresses_is_taken_from_its_start_and_that_is_said() -> None:
    flows = "table=0,udp actions=ct(commit,table=1,nat(src=10.9.9.1-10.9.9.8))\ntable=1 actions=output:2"
    (outcome,) = ask(BridgeSession(snapshot(flows)), THERE)
    assert copies(outcome) == ["2 10.9.9.1:1 > 10.0.0.2:2"]
    assert [a.question for a in outcome.assumptions] == [
        "of nat(src=10.9.9.1-10.9.9.8) the first address and port are taken, as ofproto/trace does"
    ]


def test_flags_that_nobody_said_fit() -> None:
    session = BridgeSession(snapshot(TRACKED.replace("udp", "tcp")))
    there, back = (flow.replace("udp", "tcp") for flow in (THERE, BACK))
    asked = [there, back, there]
    assert [copies(o)[0][0] for flow in asked for o in ask(session, flow)] == ["2", "3", "4"]


def test_a_learned_flow_says_where_it_was_learned() -> None:
    flows = (
        "table=0,priority=1,udp actions=learn(table=1,priority=7,dl_type=0x800,NXM_OF_IP_SRC[],output:NXM_OF_IN_PORT[])"
    )
    session = BridgeSession(snapshot(flows + ",resubmit(,1)"))
    ask(session, THERE)
    (outcome,) = ask(session, THERE)
    assert [(s.file, s.match) for s in outcome.steps][-1] == ("learned at flows.txt:1", "ip,nw_src=10.0.0.1")


def test_what_goes_on_behind_a_translation_is_not_taken_for_sure() -> None:
    flows = "table=0,udp actions=ct(commit,nat(src=10.9.9.9)),output:2"
    (outcome,) = ask(BridgeSession(snapshot(flows)), THERE)
    assert [a.question.partition(":")[0] for a in outcome.assumptions] == [
        "what goes on behind ct(nat) is not translated"
    ]
