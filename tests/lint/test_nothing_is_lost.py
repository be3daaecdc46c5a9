"""A rule that lint says does nothing can be deleted: every packet fares as before."""

from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ruleparse.changes.host import difference
from ruleparse.codec import address, interface
from ruleparse.evaluate import walk
from ruleparse.lint.run import Wanted, lint
from ruleparse.packet import Packet
from ruleparse.snapshot import load

IDLE = Wanted(select=["never-reached", "never-matches"], level="note")
CONDITIONS = [
    "",
    "-s 10.0.0.0/31",
    "-s 10.0.0.2/31",
    "! -s 10.0.0.0/30",
    "-d 10.0.0.1/32",
    "-i eth0",
    "! -i eth+",
    "-p tcp",
    "! -p tcp",
    "-p tcp -m tcp --dport 80",
    "-p tcp -m tcp ! --dport 80",
    "-p tcp -m multiport --dports 80,443",
    "-m mark --mark 0x1/0x1",
    "-m mark --mark 0x0/0x1",
    "-m conntrack --ctstate NEW",
    "-m conntrack ! --ctstate NEW,INVALID",
    "-s 10.0.0.1/32 ! -s 10.0.0.0/31",
    "-m mark --mark 0x1/0x1 -m mark --mark 0x2/0x3",
]
TARGETS = ["ACCEPT", "DROP", "RETURN", "CALLED", "MARK --set-xmark 0x1/0x1", "MARK --set-xmark 0x0/0x1", "LOG"]
RULES = st.tuples(st.sampled_from(CONDITIONS), st.sampled_from(TARGETS))
HEAD = "*filter\n:INPUT DROP [0:0]\n:CALLED - [0:0]\n"
CALLED = "-A CALLED -p udp -j DROP\n-A CALLED -i eth1 -j MARK --set-xmark 0x1/0x1\n"
FIELDS = ("src", "dst", "proto", "dport", "in", "mark", "ct_state")
VALUES = product(
    [address(f"10.0.0.{n}") for n in (0, 1, 2, 4)],
    [address("10.0.0.1"), address("192.0.2.1")],
    [6, 17],
    [80, 443],
    [interface("eth0"), interface("eth1"), interface("lo")],
    [0, 1, 2],
    [1, 2, 8],
)
PACKETS = [Packet({**dict(zip(FIELDS, values, strict=True)), "hook": 1}) for values in VALUES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idle")


def node(folder, lines):
    path = folder / "iptables-save.txt"
    path.write_text(HEAD + "".join(f"{line}\n" for line in lines) + CALLED + "COMMIT\n")
    return load([path])


def fates(snapshot):
    found = [walk(snapshot.program(4), "filter INPUT", packet).ends for packet in PACKETS]
    return [(end.stop.verdict, end.packet["mark"]) for (end,) in found]


MARKED = "-m mark --mark 0x1/0x1"
SEEN_TWICE = [(MARKED, "ACCEPT"), ("-p udp", "MARK --set-xmark 0x1/0x1"), (MARKED, "ACCEPT")]


@settings(max_examples=60)
@example(SEEN_TWICE)
@given(st.lists(RULES, min_size=1, max_size=7))
def test_deleting_an_idle_rule_changes_nothing(folder, rules):
    lines = [f"-A INPUT {condition} -j {target}".replace("  ", " ") for condition, target in rules]
    before = node(folder, lines)
    idle = {finding.span.line - HEAD.count("\n") - 1 for finding in lint(before, IDLE)}
    fared = fates(before)
    for index in idle:
        if index < len(lines):
            assert fates(node(folder, [*lines[:index], *lines[index + 1 :]])) == fared, lines[index]


def test_idle_rules_are_found(folder):
    lines = ["-A INPUT -p tcp -j DROP", "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT", "-A INPUT -p udp -j ACCEPT"]
    assert [finding.span.line for finding in lint(node(folder, lines), IDLE)] == [5]


def test_a_rule_that_cannot_be_read_may_change_what_others_ask(folder):
    accept = "-A INPUT -m mark --mark 0x1/0x1 -j ACCEPT"
    twice = [accept, accept.replace("ACCEPT", "DROP")]
    assert [finding.span.line for finding in lint(node(folder, twice), IDLE)] == [5]
    unread = '-A INPUT -j MARK --set-mark "0x1" "'
    assert lint(node(folder, [accept, unread, twice[1]]), IDLE) == []


NEVER_REACHED = [
    "-A INPUT -s 10.0.0.0/9 -j ACCEPT",
    "-A INPUT -s 10.128.0.0/9 -j DROP",
    "-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j REJECT",
    "-A INPUT -p tcp -m tcp --dport 80 -m multiport --dports 443,8443 -j DROP",
    "-A INPUT -s 192.0.2.0/24 -j DROP",
]


@pytest.mark.parametrize(("lost", "changes"), [({2, 3}, False), ({0}, True)])
def test_diff_sees_no_change(folder, lost, changes):
    before = node(folder, NEVER_REACHED)
    idle = {finding.span.line - HEAD.count("\n") - 1 for finding in lint(before, IDLE)}
    assert idle == {2, 3}
    after = node(folder, [line for index, line in enumerate(NEVER_REACHED) if index not in lost])
    assert bool(difference(before, after, {"in": "eth0", "dst": "192.0.2.1"}).changes) is changes
