"""`diff` of two dumps with counters: whose moved, and which packets these rules count."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ruleparse
from ruleparse.report.schema import DiffJson
from tests.changes.test_diff import COMPLETE
from tests.command import run

PACKET = {"in": "eth0", "src": "192.0.2.0/24", "dst": "198.51.100.1", "proto": "tcp", "dport": "80"}


def save(path, rules, policy="[0:0]", user=""):
    path.mkdir(exist_ok=True)
    text = f"*filter\n:FORWARD ACCEPT {policy}\n:A - [0:0]\n{user}{rules}\nCOMMIT\n"
    (path / "iptables-save.txt").write_text(text)
    for name, told in COMPLETE.items():
        (path / f"{name}.txt").write_text(told)
    return path


@pytest.fixture
def moved(tmp_path):
    def of(before, after, policies=("[0:0]", "[0:0]"), **packet):
        sides = [save(tmp_path / "a", before, policies[0]), save(tmp_path / "b", after, policies[1])]
        return ruleparse.diff(*sides, **{**PACKET, **packet}).counters

    return of


def told(counters):
    return [(m.place.chain, m.place.rule, m.packets, m.octets, m.reset) for m in counters.moved]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("[1:60] -A FORWARD -j DROP", "[3:180] -A FORWARD -j DROP", [("FORWARD", 1, 2, 120, False)]),
        ("[1:60] -A FORWARD -j DROP", "[1:60] -A FORWARD -j DROP", []),
        ("[1:60] -A FORWARD -j DROP", "[1:61] -A FORWARD -j DROP", [("FORWARD", 1, 0, 1, False)]),
        # moved within the chain, behind a new rule
        ("[1:60] -A FORWARD -s 10.0.0.1/32 -j DROP\n[5:300] -A FORWARD -j A",
         "[0:0] -A FORWARD -s 10.0.0.2/32\n[9:540] -A FORWARD -j A\n[1:60] -A FORWARD -s 10.0.0.1/32 -j DROP",
         [("FORWARD", 2, 4, 240, False)]),
        # the same words twice: the first is the first
        ("[1:60] -A FORWARD -j A\n[2:120] -A FORWARD -j A", "[1:60] -A FORWARD -j A\n[7:420] -A FORWARD -j A",
         [("FORWARD", 2, 5, 300, False)]),
        ("[1:60] -A FORWARD -j A\n[2:120] -A FORWARD -j A", "[9:540] -A FORWARD -j A\n[2:120] -A FORWARD -j A",
         [("FORWARD", 1, 8, 480, False)]),
        # the same words in another chain are another rule
        ("[1:60] -A FORWARD -j DROP\n[0:0] -A A -j DROP", "[1:60] -A FORWARD -j DROP\n[4:240] -A A -j DROP",
         [("A", 1, 4, 240, False)]),
        ("[100:6000] -A FORWARD -j DROP", "[3:180] -A FORWARD -j DROP", [("FORWARD", 1, 3, 180, True)]),
        ("[1:60] -A FORWARD -j A\n[1:60] -A FORWARD -j DROP", "[2:120] -A FORWARD -j A\n[9:540] -A FORWARD -j DROP",
         [("FORWARD", 2, 8, 480, False), ("FORWARD", 1, 1, 60, False)]),
    ],
)  # fmt: skip
def test_whose_counters_moved(moved, before, after, expected):
    assert told(moved(before, after)) == expected


def test_a_policy_is_rule_0(moved):
    counters = moved("[0:0] -A FORWARD -s 10.0.0.1/32 -j DROP", "[0:0] -A FORWARD -s 10.0.0.1/32 -j DROP",
                     ("[5:300]", "[6:360]"))  # fmt: skip
    assert told(counters) == [("FORWARD", 0, 1, 60, False)]


@pytest.mark.parametrize("sides", [("-A FORWARD -j DROP", "[1:60] -A FORWARD -j DROP"), ("-A FORWARD -j A",) * 2])
def test_dumps_without_counters_have_no_second_section(moved, sides):
    assert moved(*sides, policies=("[1:60]", "[2:120]")) is None


def test_a_reset_and_rules_that_come_and_go_are_said(moved):
    counters = moved("[9:540] -A FORWARD -j A\n[4:240] -A A -p udp", "[1:60] -A FORWARD -j A\n[4:240] -A A -p tcp")
    assert counters.notes == [
        "some counters are less than before: they were reset, and count since then",
        "1 rule that counted packets is gone",
        "1 rule that counted packets is new",
    ]


def test_which_packets_a_rule_counts(moved):
    rules = "[0:0] -A FORWARD -s 192.0.2.0/25 -j A\n[{}:0] -A FORWARD -p tcp\n[0:0] -A A -j DROP"
    (one,) = moved(rules.format(0), rules.format(1)).moved
    assert [(c.local, c.when) for c in one.counts] == [(False, [{"src": "192.0.2.128-192.0.2.253,192.0.2.255"}])]


def test_a_rule_counts_packets_that_come_to_it_on_two_ways(moved):
    rules = "[0:0] -A FORWARD -s 192.0.2.8/32 -j A\n[0:0] -A FORWARD -s 192.0.2.16/32 -j A\n[{}:0] -A A -p tcp"
    (one,) = moved(rules.format(0), rules.format(1)).moved
    assert [c.when for c in one.counts] == [[{"src": "192.0.2.8,192.0.2.16"}]]


def test_which_of_this_nodes_own_packets_a_rule_counts(tmp_path):
    rules = "[{}:0] -A OUTPUT -p udp -d 198.51.100.1/32\n"
    sides = [save(tmp_path / name, rules.format(n), user=":OUTPUT ACCEPT [0:0]\n") for n, name in enumerate("ab")]
    counters = ruleparse.diff(*sides, dst="198.51.100.0/24", src="10.0.0.1").counters
    assert counters
    (one,) = counters.moved
    assert one.counts
    assert [(c.local, c.when) for c in one.counts] == [(True, [{"proto": "udp", "dst": "198.51.100.1"}])]


def test_a_rule_that_no_first_packet_meets(moved):
    rule = "[{}:0] -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT"
    (one,) = moved(rule.format(0), rule.format(1)).moved
    assert one.counts == []


NETS = st.sampled_from(["192.0.2.0/25", "192.0.2.64/26", "192.0.2.200/32", "192.0.2.0/24"])
TARGETS = st.sampled_from(["-j ACCEPT", "-j DROP", "-j A", "", "-j RETURN"])
RULES = st.lists(
    st.builds("-A {} -s {} {}".format, st.sampled_from(["FORWARD", "A"]), NETS, TARGETS), min_size=1, max_size=6
)


@settings(max_examples=20, deadline=None)
@given(RULES, st.sampled_from(["192.0.2.1", "192.0.2.100", "192.0.2.200", "192.0.2.255"]))
def test_a_packet_is_counted_by_the_rules_that_it_hits(tmp_path_factory, rules, source):
    folder = tmp_path_factory.mktemp("node")
    sides = [save(folder / name, "\n".join(f"[{n}:0] {rule}" for rule in rules)) for n, name in enumerate("ab")]
    counters = ruleparse.diff(*sides, **{**PACKET, "src": source}).counters
    assert counters
    counting = {(m.place.chain, m.place.rule) for m in counters.moved if m.counts}
    hit = {
        (s.place.chain, s.place.rule)
        for o in ruleparse.load(sides[1]).why(**{**PACKET, "src": source}).outcomes
        for s in o.steps
    }
    assert counting == {place for place in hit if place[1] > 0}


def test_too_many_rules_are_said(moved, monkeypatch):
    monkeypatch.setattr("ruleparse.changes.counters._MOST_RULES", 0)
    nothing = dict.fromkeys(PACKET)
    counters = moved("[1:60] -A FORWARD -j A", "[2:120] -A FORWARD -j A", **nothing)
    assert [m.counts for m in counters.moved] == [None]
    assert "say more of the packets" in counters.notes[0]


def test_no_room_is_said(moved, monkeypatch):
    monkeypatch.setattr("ruleparse.query.host.ROOMS", (64,))
    counters = moved("[1:60] -A FORWARD -j A", "[2:120] -A FORWARD -j A", src=None, dst=None)
    assert [m.counts for m in counters.moved] == [None]
    assert "too many fates" in counters.notes[0]


@pytest.mark.parametrize("format_", ["text", "markdown"])
def test_formats(golden, tmp_path, monkeypatch, format_):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    rules = "[{}:{}] -A FORWARD -s 192.0.2.0/25 -j A\n[70:8400] -A A -m conntrack --ctstate ESTABLISHED -j ACCEPT"
    save(tmp_path / "before", rules.format(12, 720))
    save(tmp_path / "after", rules.format(1_250, 75_000).replace("70:8400", "3:360"))
    ran = run("diff", "before", "after", "--in", "eth0", "--dst", "198.51.100.1", "--format", format_)
    assert (ran.status, ran.err) == (0, "")
    golden(f"diff/counters.{format_}.txt", ran.out)


def test_json_keeps_to_its_schema_and_counters_are_no_difference(tmp_path):
    from pydantic import TypeAdapter

    sides = [save(tmp_path / name, f"[{n}:{n * 60}] -A FORWARD -j A") for n, name in enumerate("ab")]
    ran = run("diff", *sides, "--in", "eth0", "--dst", "198.51.100.1", "--format", "json")
    answer = TypeAdapter(DiffJson).validate_json(ran.out, strict=True)
    assert (ran.status, answer["changes"]) == (0, [])
    assert answer["counters"] is not None
    assert [(m["packets"], m["octets"]) for m in answer["counters"]["moved"]] == [(1, 60)]
