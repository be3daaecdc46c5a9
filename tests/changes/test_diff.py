"""`diff`: which packets changed fate, and nothing when none did."""

import pytest

import ruleparse
from ruleparse.report.schema import DiffJson
from tests.command import run
from tests.complete import POLICY, SETTINGS

BEFORE, AFTER = "corpora/calico-before", "corpora/calico-after"


@pytest.fixture(autouse=True)
def here(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(scope="module")
def policy(request):
    root = request.config.rootpath
    return ruleparse.diff(root / BEFORE, root / AFTER).changes


def test_a_policy_drops_what_goes_to_its_pods_and_nothing_else(policy):
    assert {(c.before.verdict, c.after.verdict) for c in policy} == {("accept", "drop")}
    assert {c.after.decided_by.chain for c in policy} == {"cali-tw-calic3082fc375c", "cali-tw-cali10f481c6584"}
    assert {row["dst"] for c in policy for row in c.after.when} == {"10.244.1.11", "10.244.1.12", "10.96.120.8"}
    assert all("NetworkPolicy default/deny-nginx" in " ".join(c.after.explanation) for c in policy)


def test_each_change_has_a_packet_that_walks_differently(policy, request):
    sides = [ruleparse.load(request.config.rootpath / side) for side in (BEFORE, AFTER)]
    for change in policy:
        walked = [{o.verdict for o in node.why(**change.after.witness).outcomes} for node in sides]
        assert change.before.verdict in walked[0]
        assert change.after.verdict in walked[1]


def save(path, rules, nat=""):
    path.mkdir()
    text = f"*filter\n:FORWARD ACCEPT [0:0]\n:A - [0:0]\n{rules}\nCOMMIT\n"
    text += f"*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n{nat}\nCOMMIT\n" if nat else ""
    (path / "iptables-save.txt").write_text(text)
    for name, told in COMPLETE.items():
        (path / f"{name}.txt").write_text(told)
    return path


COMPLETE = {
    "ip-route": "default via 10.0.0.254 dev eth1\n",
    "ip-addr": "2: eth0: <UP> mtu 1500\n    inet 192.0.2.254/24 scope global eth0\n"
    "3: eth1: <UP> mtu 1500\n    inet 10.0.0.1/24 scope global eth1\n",
    "ip-rule": POLICY,
    "sysctl": SETTINGS,
}


PACKET = {"in": "eth0", "src": "192.0.2.0/24", "dst": "198.51.100.1", "proto": "tcp"}
LIMIT = "-m limit --limit 3/min"
HALF = "-m statistic --mode random --probability 0.5"
THIRD = "-m statistic --mode random --probability 0.33333333349"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("-A FORWARD -j DROP", "-A FORWARD -m comment --comment why -j A\n-A A -j DROP"),
        ("-A FORWARD -s 192.0.2.0/25 -j DROP\n-A FORWARD -s 192.0.2.128/25 -j DROP",
         "-A FORWARD -s 192.0.2.0/24 -j DROP"),
        ("-A FORWARD -s 10.9.0.0/16 -j DROP", ""),
        # what both leave open is the same on both, wherever it stands
        (f"-A FORWARD {LIMIT} -j ACCEPT\n-A FORWARD -j DROP",
         f"-A FORWARD -p udp -j DROP\n-A FORWARD {LIMIT} -j ACCEPT\n-A FORWARD -j DROP"),
        (f"-A FORWARD -j A\n-A A {LIMIT} -j DROP", f"-A FORWARD -p udp -j A\n-A FORWARD -j A\n-A A {LIMIT} -j DROP"),
        ("-A FORWARD -m set --match-set x src -j DROP", "-A FORWARD -p tcp -m set --match-set x src -j DROP"),
        (f"-A FORWARD {LIMIT} -j ACCEPT\n-A FORWARD -j DROP",
         f"-A FORWARD -p tcp -j A\n-A FORWARD {LIMIT} -j ACCEPT\n-A FORWARD -j DROP"),
        # chance is the same where it is equally likely
        (f"-A FORWARD {HALF} -j DROP", f"-A FORWARD {HALF} -j ACCEPT\n-A FORWARD -j DROP"),
    ],
)  # fmt: skip
def test_what_is_written_otherwise_and_means_the_same_is_no_difference(tmp_path, before, after):
    sides = [save(tmp_path / "a", before), save(tmp_path / "b", after)]
    assert not ruleparse.diff(*sides, **PACKET).changes


def endpoints(*addresses):
    odds = {3: [THIRD, HALF, ""], 2: [HALF, ""]}[len(addresses)]
    return "\n".join(
        f"-A PREROUTING -p tcp {chance} -j DNAT --to-destination {a}" for chance, a in zip(odds, addresses, strict=True)
    )


def test_endpoints_in_another_order_are_no_difference(tmp_path):
    one = save(tmp_path / "a", "", endpoints("10.1.0.1", "10.1.0.2", "10.1.0.3"))
    other = save(tmp_path / "b", "", endpoints("10.1.0.3", "10.1.0.1", "10.1.0.2"))
    assert not ruleparse.diff(one, other, **PACKET).changes


def test_a_rule_that_stands_twice_asks_twice(tmp_path):
    limited = f"-A FORWARD {LIMIT} -j ACCEPT\n"
    one = save(tmp_path / "a", f"{limited}{limited}-A FORWARD -j DROP")
    other = save(tmp_path / "b", f"{limited}-A FORWARD -j DROP")
    (change,) = ruleparse.diff(one, other, **PACKET).changes
    assert (change.before.verdict, change.after.verdict) == ("accept", "drop")
    assert sorted(a.answer for a in change.after.assumptions) == [False, True]


def masquerade(ports, *sources):
    return "\n".join(f"-A POSTROUTING -s {s} -p tcp -j MASQUERADE --to-ports {ports}" for s in sources)


def test_a_port_picked_of_the_same_range_is_no_difference_whoever_picks_it(tmp_path):
    one = save(tmp_path / "a", "", masquerade("1024-2047", "192.0.2.0/24"))
    other = save(tmp_path / "b", "", masquerade("1024-2047", "192.0.2.0/25", "192.0.2.128/25"))
    assert not ruleparse.diff(one, other, **PACKET).changes
    another = save(tmp_path / "c", "", masquerade("3072-4095", "192.0.2.0/24"))
    assert {f for c in ruleparse.diff(one, another, **PACKET).changes for f in c.fields} == {"sport"}


def services(*balanced):
    """Services by their ports: the odds of the first of two endpoints, and these."""
    return "\n".join(
        f"-A PREROUTING -p tcp --dport {port} {chance} -j DNAT --to-destination {address}"
        for port, odds, first, second in balanced
        for chance, address in ((odds, first), ("", second))
    )


def test_services_that_chance_balances_as_before_are_told_from_those_that_it_does_not(tmp_path):
    ends, swapped = ("10.1.0.1", "10.1.0.2"), ("10.1.0.2", "10.1.0.1")
    one = save(tmp_path / "a", "", services((80, HALF, *ends), (81, HALF, *ends), (82, HALF, *ends)))
    other = save(tmp_path / "b", "", services((80, HALF, *swapped), (81, THIRD, *ends), (82, HALF, *swapped)))
    changes = ruleparse.diff(one, other, **{**PACKET, "dport": "80-83"}).changes
    assert {row["dport"] for c in changes for row in c.after.when or ()} == {"81"}


def test_another_endpoint_is_a_difference(tmp_path):
    one = save(tmp_path / "a", "", endpoints("10.1.0.1", "10.1.0.2"))
    other = save(tmp_path / "b", "", endpoints("10.1.0.1", "10.1.0.9"))
    changes = ruleparse.diff(one, other, **PACKET).changes
    assert {r["dst"] for c in changes for r in c.after.rewrites} >= {"10.1.0.9"}
    assert all(c.fields == ["dst"] for c in changes)


def test_odds_that_shift_are_a_difference(tmp_path):
    one = save(tmp_path / "a", f"-A FORWARD {HALF} -j DROP")
    other = save(tmp_path / "b", f"-A FORWARD {THIRD} -j DROP")
    assert ruleparse.diff(one, other, **PACKET).changes


def test_a_question_that_only_one_side_asks_stays_an_assumption(tmp_path):
    one = save(tmp_path / "a", "")
    other = save(tmp_path / "b", "-A FORWARD -m set --match-set x src -j DROP")
    (change,) = ruleparse.diff(one, other, **PACKET).changes
    assert [(a.answer, "x" in a.question) for a in change.after.assumptions] == [(True, True)]


def test_marks_and_ttl_may_be_ignored(tmp_path):
    one, other = save(tmp_path / "a", ""), save(tmp_path / "b", "-A FORWARD -j MARK --set-xmark 0x1/0x1")
    (change,) = ruleparse.diff(one, other, **PACKET).changes
    assert change.fields == ["mark"]
    assert not ruleparse.diff(one, other, ignore=["mark"], **PACKET).changes


def test_no_change_is_status_0_and_a_change_is_status_1():
    same = run("diff", BEFORE, BEFORE)
    assert (same.status, same.out, same.err) == (0, "no packet changes fate\n", "")
    assert run("diff", BEFORE, AFTER, "--dst", "10.244.1.11", "--in", "eth0").status == 1


@pytest.mark.parametrize("format_", ["text", "markdown", "github"])
def test_formats(golden, format_):
    packet = ("--dst", "10.244.1.11", "--in", "eth0", "--proto", "tcp", "--dport", "80")
    ran = run("diff", BEFORE, AFTER, *packet, "--format", format_)
    assert (ran.status, ran.err) == (1, "")
    golden(f"diff/policy.{format_}.txt", ran.out)


def test_json_keeps_to_its_schema():
    from pydantic import TypeAdapter

    ran = run("diff", BEFORE, AFTER, "--dst", "10.244.1.11", "--in", "eth0", "--format", "json")
    answer = TypeAdapter(DiffJson).validate_json(ran.out, strict=True)
    assert [c["change"] for c in answer["changes"]] == ["now dropped"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([BEFORE, AFTER, "--ignore", "colour"], "--ignore colour: there are egress"),
        ([BEFORE, AFTER, "--family", "6"], "IPv6 is not compared"),
        ([BEFORE], "Missing argument"),
    ],
)
def test_wrong_usage(words, complaint):
    ran = run("diff", *words)
    assert (ran.status, ran.out) == (2, "")
    assert complaint in ran.err
