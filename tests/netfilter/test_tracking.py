"""What holds for every packet that meets what earlier ones left, and for every byte of it."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleparse.fates.outcomes import Answered
from ruleparse.netfilter.tracking.node_memory import NodeMemory
from ruleparse.node import Node
from ruleparse.packet import Unknowns, assumption
from ruleparse.report.why_json import why_json
from ruleparse.sessions.host import Session
from ruleparse.sessions.standing import World, merged
from ruleparse.spec import SpecError
from tests.conversation import only, outcomes, packet, start, state
from tests.oracle import wire

NAT = (
    "nat PREROUTING -d 192.0.2.1 -p tcp --dport 80 -j DNAT --to-destination 10.0.0.9:8080",
    "nat POSTROUTING -o eth0 -j MASQUERADE",
    "filter FORWARD -m conntrack --ctstate INVALID -j DROP",
)


@pytest.fixture(scope="module")
def router():
    with tempfile.TemporaryDirectory() as folder:
        yield start(Path(folder), *NAT).snapshot


addresses = st.sampled_from(["10.0.0.9", "10.0.0.1", "192.0.2.1", "198.51.100.7", "127.0.0.1", "224.0.0.1"])
ports = st.sampled_from([0, 53, 80, 1000, 65535])
packets = st.builds(
    wire.Packet,
    addresses,
    addresses,
    st.sampled_from([wire.TCP, wire.UDP, wire.ICMP, wire.SCTP, wire.GRE, wire.DCCP, 99]),
    st.sampled_from(["eth0", "eth1", "local"]),
    ports,
    ports,
    st.integers(0, 63),
    icmp=st.tuples(st.integers(0, 20), st.just(0)),
    ttl=st.sampled_from([1, 2, 64]),
    payload=st.binary(max_size=12),
    cut=st.none() | st.integers(0, 20),
)


def asked(one):
    return {"in": one.enters, "hex": one.encode().hex()}


@settings(max_examples=60)
@given(packets)
def test_the_first_packet_is_any_packet(router, one):
    alone, first = Node(router).why(**asked(one)), Session(router).why(asked(one))
    assert why_json(alone)["outcomes"] == why_json(first)["outcomes"]


@settings(max_examples=40)
@given(st.lists(packets, max_size=6))
def test_several_packets_have_fates_whose_odds_add_up(router, several):
    session = Session(router)
    for one in several:
        found = session.why(asked(one)).outcomes
        assert found
        assert sum(o.probability for o in found if not o.assumptions) <= 1.0001


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["eth0", "eth1", "local"]), packets, st.binary(max_size=30)), max_size=5))
def test_odd_bytes_are_answered_or_refused(router, several):
    """Cut, or with bytes put in their place, behind packets that were whole."""
    session = Session(router)
    for enters, one, noise in several:
        raw = one.encode()
        at = len(noise) and (noise[0] % (len(raw) + 1))
        spoilt = raw[:at] + noise + raw[at + len(noise) :]
        try:
            answer = session.why({"in": enters, "hex": spoilt.hex()})
        except SpecError:
            continue
        assert json.dumps(why_json(answer))


# Worlds


def world(what, odds=1.0, **answers):
    """A world in which `what` is remembered, and these questions were answered so."""
    answered = tuple(Answered(assumption(question), None, answer) for question, answer in answers.items())
    known: dict[tuple[str, object], int] = {(question, None): int(answer) for question, answer in answers.items()}
    return World(NodeMemory.fresh({}), {"what": what}, known, answered, odds)


def told(worlds):
    return sorted((w.memory["what"], w.odds, *((a.question.question, a.answer) for a in w.given)) for w in worlds)


@pytest.mark.parametrize(
    ("worlds", "expected"),
    [
        ([world("a", 0.5), world("a", 0.5)], [("a", 1.0)]),
        ([world("a", 0.5), world("b", 0.5)], [("a", 0.5), ("b", 0.5)]),
        ([world("a", x=True), world("a", x=False)], [("a", 1.0)]),
        ([world("a", x=True), world("b", x=False)], [("a", 1.0, ("x", True)), ("b", 1.0, ("x", False))]),
        ([world("a", x=True, y=True), world("a", x=True, y=False), world("a", x=False)], [("a", 1.0)]),
        ([world("a", x=True), world("a", y=False)], [("a", 1.0, ("x", True)), ("a", 1.0, ("y", False))]),
        ([world("a", 0.5, x=True), world("a", x=False)], [("a", 0.5, ("x", True)), ("a", 1.0, ("x", False))]),
    ],
    ids=["chance", "different", "answers", "telling answers", "one after another", "other questions", "other odds"],
)
def test_worlds_merge(worlds, expected):
    kept = merged(worlds, Unknowns())
    assert told(kept) == sorted(expected)
    assert all(len(w.known) == len(w.given) for w in kept)


def test_a_question_is_open_again_once_it_made_no_difference(tmp_path):
    session = start(tmp_path, "filter FORWARD -m set --match-set unknown src -j LOG")
    for port in range(1000, 1012):
        outcomes(session, packet(f"eth1 udp 10.0.0.9:{port} > 198.51.100.7:53"))
    assert len(session.worlds.worlds) == 1


def test_an_answer_that_made_a_difference_stays(tmp_path):
    session = start(tmp_path, "filter FORWARD -s 10.0.0.9 -m set --match-set unknown src -j DROP")
    outcomes(session, packet("eth1 udp 10.0.0.9:1000 > 198.51.100.7:53"))
    back = outcomes(session, packet("eth0 udp 198.51.100.7:53 > 10.0.0.9:1000"))
    assert {(state(o), *(a.answer for a in o.assumptions)) for o in back} == {("ESTABLISHED", False), ("NEW", True)}


# Matches that count, and packets that are looked at twice


def test_two_tests_of_one_rule_count_for_themselves(tmp_path):
    rule = "filter FORWARD -m limit --limit 1/day --limit-burst 3 -m statistic --mode nth --every 2 --packet 0 -j DROP"
    session = start(tmp_path, rule)
    said = [only(session, packet(f"eth1 udp 10.0.0.9:{port} > 198.51.100.7:53")) for port in range(6)]
    assert [o.verdict for o in said] == ["drop", "accept", "drop", "accept", "accept", "accept"]


@pytest.mark.parametrize(("option", "verdict"), [("above", "accept"), ("upto", "drop")])
def test_there_are_no_more_connections_than_came(option, verdict, tmp_path):
    session = start(tmp_path, f"filter FORWARD -m connlimit --connlimit-{option} 2 --connlimit-mask 24 -j DROP")
    talk = [packet(f"eth1 udp 10.0.0.{host}:1000 > 198.51.100.7:53") for host in (8, 8, 9)]
    assert [only(session, one).verdict for one in talk] == [verdict] * 3
    third = outcomes(session, packet("eth1 udp 10.0.0.10:1000 > 198.51.100.7:53"))
    assert {o.verdict for o in third} == {"accept", "drop"}
    assert all(o.assumptions for o in third)


def test_an_init_sent_again_is_not_counted(tmp_path):
    rule = "filter FORWARD -m connbytes --connbytes 2 --connbytes-mode packets --connbytes-dir both -j DROP"
    session = start(tmp_path, rule)
    init = packet("eth1 sctp 10.0.0.9:1000 > 198.51.100.7:80")
    assert [only(session, init).verdict for _ in range(3)] == ["accept"] * 3
    cookie = replace(init, chunk=wire.SCTP_COOKIE_ECHO, tag=0x11223344)
    assert state(only(session, cookie)) == "INVALID"


def test_a_packet_to_oneself_may_meet_its_connection_on_the_second_pass_only(tmp_path):
    session = start(
        tmp_path, "raw PREROUTING -j CT --zone 1", "nat INPUT -p tcp -j LOG", "nat PREROUTING -p tcp -j LOG"
    )
    for flags, asks in ((wire.SYN, 0), (wire.ACK, 2), (wire.ACK, 0)):
        sent = replace(packet("local tcp 192.0.2.1:1000 > 10.0.0.1:80"), flags=flags, seq=7)
        steps = only(session, sent).steps
        assert (
            sum(s.place.table == "nat" and s.hook in ("PREROUTING", "INPUT") and s.place.rule == 1 for s in steps)
            == asks
        )


SNAT, DNAT = "POSTROUTING -j SNAT --to-source 192.0.2.1", "PREROUTING -j DNAT --to-destination 198.51.100.9"


@pytest.mark.parametrize(("rule", "version", "forwarded"), [(SNAT, 3, True), (DNAT, 3, False), (DNAT, 0, True)])
def test_gre_that_nat_does_not_know(rule, version, forwarded, tmp_path):
    """Only where the destination changes does it look into GRE's own header."""
    session = start(tmp_path, f"nat {rule}")
    one = replace(packet("eth1 gre 10.0.0.9 > 198.51.100.7"), payload=bytes([0, version]) + bytes(8))
    assert (only(session, one).verdict == "accept") is forwarded


def test_an_answer_that_cannot_be_translated_back_is_dropped(tmp_path):
    session, odd = start(tmp_path, f"nat {SNAT}"), b"\0\3" + bytes(8)
    only(session, replace(packet("eth1 gre 10.0.0.9 > 198.51.100.7"), payload=odd))
    assert "GRE" in str(only(session, replace(packet("eth0 gre 198.51.100.7 > 192.0.2.1"), payload=odd)).reason)
