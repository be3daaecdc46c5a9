"""The answer that programs get: the Python API, and JSON exactly as promised."""

import json
from pathlib import Path
from typing import get_args, get_type_hints, is_typeddict

import pytest
from pydantic import TypeAdapter

import ruleparse
from ruleparse.report.schema import WhyJson, json_schema
from ruleparse.report.why_json import why_json
from ruleparse.snapshot import NothingRead
from ruleparse.spec import SpecError
from tests.places import CORPORA

NODES = sorted(
    p.name for p in CORPORA.iterdir() if (p / "iptables-save.txt").is_file() and not (p / "flows.txt").is_file()
)

POD_TO_POD = {
    "in": "calia7a3e029a7b",
    "src": "10.244.1.10",
    "dst": "10.244.1.11",
    "proto": "tcp",
    "sport": 40000,
    "dport": 80,
}

PACKETS: dict[str, dict] = {
    "to the node": {
        "in": "eth0",
        "src": "198.51.100.77",
        "dst": "192.168.10.11",
        "proto": "tcp",
        "sport": 40000,
        "dport": 30080,
    },
    "to any service port": {"in": "eth0", "src": "198.51.100.77", "dst": "10.96.0.10", "proto": "udp", "sport": 40000},
    "of the node": {
        "local": True,
        "src": "192.168.10.11",
        "dst": "10.96.0.1",
        "proto": "tcp",
        "sport": 1,
        "dport": 443,
    },
    "echo": {"in": "eth0", "src": "198.51.100.77", "dst": "203.0.113.1", "proto": "icmp"},
    "of a known connection": {
        "in": "eth0",
        "src": "198.51.100.77",
        "dst": "10.244.1.11",
        "proto": "tcp",
        "ctstate": "ESTABLISHED",
    },
}

OUTCOME = [
    *("verdict", "egress", "reject_with", "packet", "when"),
    *("assumptions", "probability", "decided_by", "reason", "steps"),
]
STEP = ["hook", "table", "chain", "rule", "line", "text", "effect", "says"]
DECIDED_BY = ["file", "line", "table", "chain", "rule", "text"]
ASSUMPTION = ["question", "answer", "settle", "rule"]


@pytest.fixture(scope="module")
def node():
    """Each node of the corpora, read once."""
    known: dict[str, ruleparse.Node] = {}
    return lambda name: known.setdefault(name, ruleparse.load(CORPORA / name))


# JSON


@pytest.fixture(scope="module")
def checked():
    """An answer as JSON that the schema has taken: nothing missing, nothing unheard of, nothing of another type."""
    adapter = TypeAdapter(WhyJson)

    def check(answer):
        found = json.loads(json.dumps(why_json(answer)))
        assert adapter.validate_python(found, strict=True) == found
        return found

    return check


@pytest.mark.parametrize("packet", PACKETS)
@pytest.mark.parametrize("name", NODES)
def test_every_answer_is_what_the_schema_says(name, packet, node, checked):
    answer = checked(node(name).why(**PACKETS[packet]))
    assert answer["outcomes"]
    assert answer["complete"]
    files: dict[str, list[str]] = {}
    for outcome in answer["outcomes"]:
        assert outcome["verdict"] in ("accept", "drop", "reject")
        assert (outcome["reject_with"] is not None) == (outcome["verdict"] == "reject")
        assert outcome["egress"] is None or outcome["verdict"] == "accept"
        assert outcome["decided_by"] is not None or outcome["reason"] or outcome["verdict"] == "accept"
        assert 0 < outcome["probability"] <= 1
        for place in [*outcome["steps"], *filter(None, [outcome["decided_by"]])]:
            lines = files.setdefault(place["file"], Path(place["file"]).read_text().splitlines())
            assert lines[place["line"] - 1] == place["text"]


def test_the_schema_is_one_of_all_keys():
    assert json_schema("why")["required"] == ["schema", "id", "outcomes", "complete", "names", "diagnostics"]
    assert all_required(WhyJson)


def all_required(shape) -> bool:
    """No key of an answer may be left out: whoever reads JSON need not ask whether it is there."""
    if not is_typeddict(shape):
        return all(all_required(part) for part in get_args(shape))
    return not shape.__optional_keys__ and all(map(all_required, get_type_hints(shape).values()))


def test_the_keys_that_scripts_rely_on(node, checked):
    answer = checked(
        node("firewall").why(in_="eth0", src="203.0.113.9", dst="198.51.100.2", proto="tcp", dport=22, id=7)
    )
    assert answer["schema"] == "ruleparse/why/1"
    assert answer["id"] == 7
    for outcome in answer["outcomes"]:
        assert [key for key in outcome if key in OUTCOME] == OUTCOME
        assert set(DECIDED_BY) == outcome["decided_by"].keys()
        assert all(set(STEP) <= step.keys() for step in outcome["steps"])
        assert outcome["assumptions"]
        assert all(set(ASSUMPTION) == a.keys() and a["rule"]["line"] for a in outcome["assumptions"])
        assert {"src", "dst", "proto", "sport", "dport", "ttl", "tos", "mark"} <= outcome["packet"].keys()


def test_a_packet_of_icmp_has_a_type_in_place_of_ports(node):
    packet = node("firewall").why(in_="eth1", src="192.168.50.9", dst="198.51.100.1", proto="icmp").outcomes[0].packet
    assert packet.keys() & {"sport", "dport", "icmp_type", "icmp_code"} == {"icmp_type", "icmp_code"}
    assert (packet["icmp_type"], packet["icmp_code"]) == (8, 0)


# Python


def test_the_story_of_a_policy(node):
    before, after, allowed = (node(f"calico-{n}").why(**POD_TO_POD).outcomes for n in ("before", "after", "allow-team"))
    assert [o.verdict for o in (*before, *after, *allowed)] == ["accept", "drop", "accept"]
    assert after[0].decided_by.chain == "cali-tw-calic3082fc375c"
    assert "Drop if no policies passed packet" in after[0].decided_by.text
    assert "NetworkPolicy default/deny-nginx" in after[0].explanation[0]
    assert before[0].egress == allowed[0].egress == "calic3082fc375c"


@pytest.mark.parametrize(
    ("packet", "verdict", "egress", "seen"),
    [
        ({"in": "eth0", "src": "198.51.101.7", "dst": "172.17.0.2", "dport": 80}, "accept", "docker0", {"ttl": 63}),
        ({"in": "eth0", "src": "198.51.101.7", "dst": "192.168.10.50", "dport": 8080}, "accept", "docker0",
         {"dst": "172.17.0.2", "dport": 80, "src": "198.51.101.7"}),
        ({"in": "docker0", "src": "172.17.0.2", "dst": "198.51.101.7", "dport": 443}, "accept", "eth0",
         {"src": "192.168.10.50", "sport": 40000}),
        ({"in": "eth0", "src": "198.51.101.7", "dst": "192.168.10.50", "dport": 22}, "accept", "local", {"ttl": 64}),
        ({"local": True, "src": "192.168.10.50", "dst": "198.51.101.7", "dport": 22}, "accept", "eth0", {"ttl": 64}),
        ({"in": "docker0", "src": "172.17.0.2", "dst": "172.18.0.3", "dport": 5432}, "drop", None, {}),
        ({"in": "eth0", "src": "198.51.101.7", "dst": "172.17.0.2", "dport": 81}, "drop", None, {}),
    ],
)  # fmt: skip
def test_where_it_leaves_and_as_what(packet, verdict, egress, seen, node):
    outcomes = node("docker").why(proto="tcp", sport=40000, **packet).outcomes
    assert {(o.verdict, o.egress) for o in outcomes} == {(verdict, egress)}
    assert seen.items() <= outcomes[0].packet.items()
    assert all(o.probability == 1 and not o.assumptions and o.when is None for o in outcomes)


@pytest.mark.parametrize("node_name", ["kube-proxy-1.16", "kube-proxy-1.23", "kube-proxy-1.34"])
def test_endpoints_are_chosen_at_random(node_name, node):
    outcomes = (
        node(node_name).why(in_="eth0", src="10.244.2.9", dst="10.96.33.10", proto="tcp", sport=1, dport=80).outcomes
    )
    chosen = {o.packet["dst"]: o.probability for o in outcomes}
    assert chosen == {
        "10.244.1.21": pytest.approx(1 / 3, abs=1e-5),
        "10.244.2.21": pytest.approx(1 / 3, abs=1e-5),
        "10.244.2.22": pytest.approx(1 / 3, abs=1e-5),
    }


def test_random_choices_are_no_questions_and_questions_no_choices(node):
    outcomes = (
        node("kube-proxy-1.34")
        .why(in_="eth0", src="10.244.2.9", dst="10.96.33.11", proto="tcp", sport=1, dport=80)
        .outcomes
    )
    by_chance = [o for o in outcomes if o.probability < 1]
    by_affinity = [o for o in outcomes if o.probability == 1]
    assert [{a.answer for a in o.assumptions} for o in by_chance] == [{False}] * 3
    assert [sum(a.answer for a in o.assumptions) for o in by_affinity] == [1] * 3
    assert all("recent" in a.question and a.settle and a.rule for o in outcomes for a in o.assumptions)


@pytest.mark.parametrize("interfaces", ["eth0", "eth+", "foo+", "foo1,foo2", "eth0,docker0"])
@pytest.mark.parametrize("option", ["in", "out"])
def test_interfaces_that_no_rule_names_may_be_asked_about(option, interfaces, node):
    packet = {"in": "eth0", "src": "10.244.2.9", "dst": "10.96.33.18", "proto": "tcp", "sport": 1, "dport": 80}
    assert "reject" in {o.verdict for o in node("rules-only").why(**{**packet, option: interfaces}).outcomes}


def test_what_is_not_given_is_told_apart(node):
    outcomes = (
        node("calico-after")
        .why(in_="calia7a3e029a7b", src="10.244.1.10", dst="10.244.1.10-10.244.1.11", proto="tcp", sport=1)
        .outcomes
    )
    assert {o.when[0]["dst"]: o.verdict for o in outcomes} == {"10.244.1.10": "accept", "10.244.1.11": "drop"}


def test_steps_are_the_rules_that_matched_in_their_order(node):
    outcome = node("calico-after").why(**POD_TO_POD).outcomes[0]
    hooks = [s.hook for s in outcome.steps]
    assert hooks == sorted(hooks, key=["PREROUTING", "FORWARD"].index)
    assert outcome.steps[-1].place == outcome.decided_by
    assert [(s.place.rule, s.effect) for s in outcome.steps if s.place.chain == "cali-pi-_NnlbWcfDakuKpqyNOF5"] == [
        (1, "")
    ]
    policies = [f"{s.place.table} {s.place.chain}" for s in outcome.steps if s.place.rule == 0]
    assert policies == ["raw PREROUTING", "mangle PREROUTING", "nat PREROUTING", "mangle FORWARD"]


@pytest.mark.parametrize(
    ("packet", "complaint"),
    [
        ({"dts": "10.0.0.1"}, "'dts' is not a packet option"),
        ({"src": "10.0.0.256"}, "--src 10.0.0.256"),
        ({"src": "10.0.0.1", "dst": "fd00::1"}, "IPv4 and IPv6 in one packet: --src 10.0.0.1, --dst fd00::1"),
        ({"dport": "65536"}, "--dport 65536"),
        ({"dport": "90-80"}, "--dport 90-80: 90-80: the range is empty"),
        ({"dport": ","}, "--dport ,: is empty"),
        ({"proto": "tpc"}, "--proto tpc"),
        ({"tcp_flags": "SYN,NOT"}, "--tcp-flags SYN,NOT: NOT is not a TCP flag"),
        ({"ctstate": "OLD"}, "--ctstate OLD"),
        ({"mark": "0x1ffffffff"}, "--mark 0x1ffffffff"),
        ({"ttl": "-1"}, "--ttl -1"),
        ({"icmp_type": "8/256"}, "--icmp-type 8/256"),
        ({"in": "a-name-that-is-too-long"}, "--in a-name-that-is-too-long"),
        ({"icmp_type": "echo-nothing"}, "--icmp-type echo-nothing"),
        ({"dport": "no-such-service"}, "--dport no-such-service"),
        ({"proto": "icmp", "dport": "80"}, "--dport 80: a packet of --proto icmp has no ports"),
        ({"proto": "udp", "tcp_flags": "SYN"}, "--tcp-flags SYN: a packet of --proto udp has no TCP flags"),
        ({"proto": "tcp", "icmp_type": "8"}, "--icmp-type 8: a packet of --proto tcp has no ICMP type"),
        ({"local": True, "in": "eth0"}, "--in eth0: a packet that this node sends (--local) comes in by no interface"),
        ({"src_mac": "00:11"}, "--src-mac 00:11"),
        ({"dst_mac": "x"}, "--dst-mac"),
        ({"family": "5"}, "--family 5"),
        ({"family": "x"}, "--family x"),
        ({"family": "6", "src": "10.0.0.1"}, "IPv4 and IPv6 in one packet"),
        ({"family": "6"}, "there is no `ip6tables-save`"),
        ({"dst": "fd00::1"}, "there is no `ip6tables-save`"),
        ({"hex": "45"}, "hex: "),
        ({"hex": "xyz"}, "hex: "),
    ],
    ids=str,
)  # fmt: skip
def test_a_packet_that_makes_no_sense(packet, complaint, node):
    with pytest.raises(SpecError) as error:
        node("rules-only").why(**packet)
    assert complaint in str(error.value)


@pytest.mark.parametrize("packet", [{}, {"proto": "tcp"}], ids=str)
def test_the_family_has_to_be_clear(packet, node):
    with pytest.raises(SpecError, match="--family"):
        node("firewall").why(**packet)


def test_load_takes_files_folders_and_both(tmp_path):
    save, rest = CORPORA / "rules-only" / "iptables-save.txt", CORPORA / "kube-proxy-1.34"
    routes = [rest / name for name in ("ip-route.txt", "ip-rule.txt", "sysctl.txt")]
    packet = {"in": "eth0", "src": "10.244.2.9", "dst": "10.96.33.18", "proto": "tcp", "sport": 40000, "dport": 80}
    assert len(ruleparse.load(str(save)).why(**packet).outcomes) > 1
    assert len(ruleparse.load(save, *routes).why(**packet).outcomes) == 1
    assert len(ruleparse.load(save.parent, *routes).why(**packet).outcomes) == 1
    with pytest.raises(NothingRead, match="iptables-save"):
        ruleparse.load(*routes)
    with pytest.raises(NothingRead):
        ruleparse.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        ruleparse.load(tmp_path / "nothing")


def test_calico_without_routes_is_a_matter_of_assumptions():
    outcomes = ruleparse.load(CORPORA / "calico-after" / "iptables-save.txt").why(**POD_TO_POD).outcomes
    assert {a.settle for o in outcomes for a in o.assumptions} >= {"ip route show table all"}


@pytest.mark.parametrize("corpus", ["kube-proxy-1.34", "calico-3.30", "docker"])
@pytest.mark.parametrize(
    "spec",
    [{"dst": "10.96.0.10", "dport": 53}, {"src": "10.244.1.10"}, {"proto": "tcp", "dport": 80}],
    ids=["destination", "source", "port"],
)
def test_a_question_that_leaves_most_open_has_answers(corpus, spec):
    outcomes = ruleparse.load(str(CORPORA / corpus)).why(**spec).outcomes
    assert {outcome.verdict for outcome in outcomes} >= {"drop"}


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        ({"proto": "icmp", "icmp_type": "echo-request"}, {"proto": "icmp", "icmp_type": "8"}),
        ({"proto": "icmp", "icmp_type": "host-unreachable"}, {"proto": "icmp", "icmp_type": "3/1"}),
        ({"proto": "tcp", "dport": "http,https"}, {"proto": "tcp", "dport": "80,443"}),
    ],
)
def test_names_of_types_and_ports(names, numbers, node):
    packet = {"in": "eth0", "src": "10.244.2.9", "dst": "10.96.33.18"}
    by_name, by_number = (node("kube-proxy-1.34").why(**packet, **more).outcomes for more in (names, numbers))
    assert [(o.verdict, o.when) for o in by_name] == [(o.verdict, o.when) for o in by_number]


def test_what_holds_of_one_packet_only_is_not_said_of_all(node):
    outcomes = node("calico-after").why(**{**POD_TO_POD, "src": "10.244.1.10,10.244.2.9", "in": "tunl0"}).outcomes
    (dropped,) = [o for o in outcomes if o.decided_by and o.verdict == "drop"]
    assert not [s for s in dropped.explanation if "10.244.1.10" in s or "10.244.2.9" in s]
