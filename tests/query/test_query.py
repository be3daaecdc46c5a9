"""`query`: sets of packets by their fate, from corpora and from small dumps."""

import json
from typing import Any

import pytest

import ruleparse
from ruleparse.report.schema import QueryJson
from tests.changes.test_diff import COMPLETE
from tests.command import run

ALLOW_TEAM = "corpora/calico-allow-team"
TO_THE_POD = {"dst": "10.244.1.11", "proto": "tcp", "dport": 80}


@pytest.fixture(autouse=True)
def here(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(scope="module")
def node(request):
    return ruleparse.load(request.config.rootpath / ALLOW_TEAM)


def test_who_can_reach_a_pod(node):
    (found,) = node.query(**TO_THE_POD, verdict="accept").sets
    assert found.when == [
        {"in": "eth0, tunl0, calia7a3e029a7b", "src": "10.244.1.10"},
        {"in": "eth0, tunl0", "src": "10.244.2.9"},
    ]
    assert (found.egress, found.decided_by.chain) == ("calic3082fc375c", "FORWARD")
    assert found.count == 5 * 65536


def test_fates_by_chance_are_told_with_their_odds_and_endpoints(node):
    sets = node.query(in_="calia7a3e029a7b", src="10.244.1.10", dst="10.96.120.8", proto="tcp", dport=80).sets
    assert sorted((s.egress, s.probability, *(r["dst"] for r in s.rewrites)) for s in sets) == [
        ("cali10f481c6584", 0.5, "10.244.1.12"),
        ("calic3082fc375c", 0.5, "10.244.1.11"),
    ]
    assert sets[0].names["10.96.120.8"] == "service default/nginx" if sets[0].when else True


@pytest.mark.parametrize(
    ("wanted", "chains"),
    [
        ({"decided_by": "cali-tw-*"}, {"cali-tw-calic3082fc375c"}),
        ({"decided_by": "filter cali-tw-calic3082fc375c:7"}, {"cali-tw-calic3082fc375c"}),
        ({"decided_by": "cali-tw-calic3082fc375c:6"}, set()),
        ({"reaches": "cali-tw-calic3082fc375c:7"}, {"cali-tw-calic3082fc375c"}),
        ({"reaches": "cali-tw-calic3082fc375c"}, {"cali-tw-calic3082fc375c", "FORWARD"}),
        ({"egress": "calic3082fc375c"}, {"FORWARD"}),
        ({"verdict": "reject"}, set()),
    ],
)
def test_only_what_is_wanted(node, wanted, chains):
    assert {s.decided_by.chain for s in node.query(**TO_THE_POD, **wanted).sets} == chains


def test_what_is_not_settled_stays_an_assumption(tmp_path):
    (tmp_path / "rules.txt").write_text(
        "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m set --match-set friends src -j DROP\nCOMMIT\n"
    )
    sets = ruleparse.load(tmp_path).query(in_="eth0", out="eth1", src="192.0.2.0/24", verdict="drop").sets
    told = [a for s in sets if s.decided_by for a in s.assumptions if "friends" in a.question]
    assert told
    assert all(a.answer for a in told)


def small(path, filters="", nat=""):
    text = f"*filter\n:FORWARD ACCEPT [0:0]\n:X - [0:0]\n{filters}\nCOMMIT\n"
    (path / "rules.txt").write_text(f"{text}*nat\n:PREROUTING ACCEPT [0:0]\n{nat}\nCOMMIT\n")
    for name, told in COMPLETE.items():
        (path / f"{name}.txt").write_text(told)
    return ruleparse.load(path)


ARRIVES: dict[str, Any] = {"in_": "eth0", "src": "192.0.2.0/25", "dst": "198.51.100.1", "proto": "tcp", "dport": 80}


def test_a_rule_that_packets_come_to_on_two_ways_has_one_set(tmp_path):
    rules = "-A FORWARD -s 192.0.2.8/32 -j X\n-A FORWARD -s 192.0.2.16/32 -j X\n-A X -j DROP"
    (found,) = small(tmp_path, rules).query(**ARRIVES, verdict="drop").sets
    assert found.when == [{"src": "192.0.2.8,192.0.2.16"}]


def test_what_nat_leaves_as_it_was_is_no_rewrite(tmp_path):
    nat = "-A PREROUTING -p tcp -j DNAT --to-destination 198.51.100.1:8080"
    (found,) = small(tmp_path, "", nat).query(**ARRIVES).sets
    assert found.rewrites == [{"dport": 8080}]


def test_rewrites_are_those_of_the_answers_under_which_a_set_holds(tmp_path):
    nat = "-A PREROUTING -p tcp -m set --match-set friends src -j DNAT --to-destination 198.51.100.5\n"
    nat += "-A PREROUTING -p tcp -j DNAT --to-destination 198.51.100.6"
    node = small(tmp_path, "-A FORWARD -s 192.0.2.64/26 -d 198.51.100.6/32 -j DROP", nat)
    told = {
        (a.answer, tuple(r["dst"] for r in s.rewrites))
        for s in node.query(**ARRIVES, verdict="accept").sets
        for a in s.assumptions
    }
    assert told == {(True, ("198.51.100.5",)), (False, ("198.51.100.6",))}


def test_packets_without_ports_are_counted_once(tmp_path):
    packet = {**ARRIVES, "src": "192.0.2.1", "proto": "udp,icmp", "dport": None}
    answer = small(tmp_path).query(**packet)
    assert answer.count == sum(s.count for s in answer.sets) == (1 << 32) + 1


def test_frames_are_for_this_node_unless_somebody_says_otherwise(tmp_path):
    (tmp_path / "rules.txt").write_text(
        "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m set --match-set m dst,dst -j DROP\nCOMMIT\n"
    )
    (tmp_path / "sets.txt").write_text("create m hash:ip,mac\nadd m 10.0.0.1,02:00:00:00:00:01\n")
    (tmp_path / "ip-addr.txt").write_text(
        "2: eth0: <UP> mtu 1500\n    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff\n"
        "    inet 10.0.0.1/24 scope global eth0\n"
    )
    node = ruleparse.load(tmp_path)
    told = [s for s in node.query(in_="eth0", src="10.0.0.9", dst="10.0.0.1").sets if s.reason is None]
    assert {s.verdict for s in told} == {"drop"}
    assert {o.verdict for s in told for o in node.why(**s.witness).outcomes if o.reason is None} == {"drop"}


def test_text_is_as_it_was_read(golden):
    ran = run("query", ALLOW_TEAM, "--dst", "10.244.1.11", "--proto", "tcp", "--dport", "80", "--in", "eth0")
    assert (ran.status, ran.err) == (0, "")
    golden("query/pod.txt", ran.out)


def test_json_keeps_to_its_schema_and_jsonl_is_its_sets():
    from pydantic import TypeAdapter

    words = ("query", ALLOW_TEAM, "--dst", "10.96.120.8", "--proto", "tcp", "--dport", "80", "--in", "eth0")
    ran = run(*words, "--format", "json")
    answer = TypeAdapter(QueryJson).validate_json(ran.out, strict=True)
    assert answer["schema"] == "ruleparse/query/1"
    lines = run(*words, "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == json.loads(ran.out)["sets"]


def test_no_packet_at_all_is_an_answer():
    ran = run("query", ALLOW_TEAM, "--dst", "10.244.1.11", "--in", "eth0", "--verdict", "reject")
    assert ran.status == 0
    assert "none of them" in ran.out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--decided-by", "cali-nobody"], "there is no chain cali-nobody"),
        (["--reaches", "nat cali-FORWARD"], "there is no chain nat cali-FORWARD"),
        (["--dst", "nonsense"], "nonsense"),
    ],
)
def test_wrong_usage(words, complaint):
    ran = run("query", ALLOW_TEAM, *words)
    assert (ran.status, ran.out) == (2, "")
    assert complaint in ran.err
    assert "Traceback" not in ran.err


def test_no_room_is_said(monkeypatch):
    monkeypatch.setattr("ruleparse.query.host.ROOMS", (64,))
    ran = run("query", ALLOW_TEAM)
    assert (ran.status, ran.out) == (3, "")
    assert "out of memory: these packets have too many fates" in ran.err


def test_a_bridge_alone_has_no_netfilter_rules(tmp_path):
    flows = " cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=0 actions=NORMAL\n"
    (tmp_path / "flows.txt").write_text(flows)
    ran = run("query", tmp_path)
    assert (ran.status, ran.out) == (2, "")
    assert "no netfilter rules were saved" in ran.err
