"""What holds of `query` and `diff` whatever the rules are."""

import tempfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ruleparse.changes.host import Change, difference
from ruleparse.codec import address
from ruleparse.query.host import Packets, Wanted, query
from ruleparse.snapshot import Snapshot, load
from ruleparse.why import Outcome, why
from tests.examples import examples

ROUTES = "default via 10.1.0.1 dev up\n10.0.0.0/24 dev a proto kernel scope link\n10.0.1.0/24 dev b scope link\n"
LINKS = "1: lo: <UP>\n2: a: <UP>\n3: b: <UP>\n4: up: <UP>\n"
ADDRESSES = """2: a: <UP> mtu 1500
    inet 10.0.0.1/24 scope global a
3: b: <UP> mtu 1500
    inet 10.0.1.1/24 scope global b
4: up: <UP> mtu 1500
    inet 10.1.0.2/24 scope global up
"""
POLICY = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n"
SETTINGS = "net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.rp_filter = 0\n"

ASKED = {"in": "a,b", "src": "10.0.0.0/29,10.0.1.8/30", "dst": "10.0.1.0/29,10.0.0.8", "proto": "tcp,udp"}
ASKED |= {"sport": "40000", "dport": "80-87", "length": "60", "tos": "0"}
MEMBERS = 2 * 12 * 9 * 2 * 8
"""How many packets that are."""

ADDRESS = st.sampled_from(["10.0.0.2", "10.0.0.0/30", "10.0.1.0/30", "10.0.1.4/31", "10.0.1.5", "10.0.0.8/29"])
TESTS = st.one_of(
    st.builds("-s {}".format, ADDRESS),
    st.builds("-d {}".format, ADDRESS),
    st.builds("! -d {}".format, ADDRESS),
    st.builds("-i {}".format, st.sampled_from(["a", "b"])),
    st.builds("-m mark --mark {}".format, st.sampled_from(["0x1/0x1", "0x2/0x3"])),
    st.just("-m limit --limit 5/sec"),
    st.just("-m statistic --mode random --probability 0.5"),
)
PORTS = st.sampled_from(["-p tcp", "-p udp", "-p tcp -m tcp --dport 80:83", "-p udp -m udp --dport 85"])
CHAINS = ("X", "Y")


def option_of(test: str) -> str:
    """`-s` of `! -s 10.0.0.0/8`, `-m mark` of all marks: what a rule has once."""
    words = test.removeprefix("! ").split()
    return " ".join(words[:2]) if words[0] == "-m" else words[0]


def rule(chain: str, targets: list[str]) -> st.SearchStrategy[str]:
    words = st.tuples(st.lists(TESTS, max_size=2, unique_by=option_of), st.one_of(st.just(""), PORTS))
    return st.builds(
        lambda w, target: " ".join(filter(None, [f"-A {chain}", *sorted(w[0]), w[1], target])),
        words,
        st.sampled_from(targets),
    )


def chain(name: str, targets: list[str], most: int = 4) -> st.SearchStrategy[list[str]]:
    return st.lists(rule(name, targets), max_size=most)


ENDS = ["-j ACCEPT", "-j DROP", "-j REJECT --reject-with icmp-port-unreachable", "-j RETURN"]
MARKS = ["-j MARK --set-xmark 0x1/0x1", "-j MARK --set-xmark 0x2/0xffffffff"]
FILTER = st.tuples(
    chain("FORWARD", [*ENDS, *MARKS, "-j X", "-g Y"]), chain("X", [*ENDS, *MARKS, "-j Y"]), chain("Y", ENDS)
)
NAT = st.tuples(
    chain("PREROUTING", ["-j ACCEPT", "-j N"], 2),
    st.lists(
        st.builds(
            lambda r, port: f"{r}:{port}" if " -p " in r else r,
            rule("N", ["-j DNAT --to-destination 10.0.1.5", "-j DNAT --to-destination 10.0.1.6"]),
            st.sampled_from(["81", "8080"]),
        ),
        max_size=3,
    ),
    chain("POSTROUTING", ["-j MASQUERADE", "-j ACCEPT"], 1),
)


def saved(parts: tuple[Iterable[list[str]], Iterable[list[str]], bool]) -> str:
    filters, nats, drops = parts
    policy = "DROP" if drops else "ACCEPT"
    nats = [[r.replace("-i ", "-o ") if "POSTROUTING" in r else r for r in rules] for rules in nats]
    lines = ["*filter", ":INPUT ACCEPT [0:0]", f":FORWARD {policy} [0:0]", ":OUTPUT ACCEPT [0:0]", ":X - [0:0]"]
    lines += [":Y - [0:0]", *(r for rules in filters for r in rules), "COMMIT", "*nat", ":PREROUTING ACCEPT [0:0]"]
    lines += [":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]", ":N - [0:0]"]
    return "\n".join([*lines, *(r for rules in nats for r in rules), "COMMIT", ""])


DUMPS = st.tuples(FILTER, NAT, st.booleans()).map(saved)


def node(rules: str) -> Snapshot:
    files = {"iptables-save": rules, "ip-route": ROUTES, "ip-addr": ADDRESSES, "ip-rule": POLICY, "sysctl": SETTINGS}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / f"{name}.txt").write_text(text)
        return load([folder])


def fates(snapshot: Snapshot, packet: dict[str, str]) -> set[tuple[object, ...]]:
    return {fate_of(o) for o in why(snapshot, packet).outcomes}


def fate_of(told: Packets | Outcome) -> tuple[object, ...]:
    return (told.verdict, told.egress, told.reject_with, told.reason, told.decided_by and told.decided_by.line)


@examples(15)
@given(DUMPS)
def test_sets_partition_the_packets(rules):
    answer = query(node(rules), ASKED)
    assert answer.count == MEMBERS
    by_answers: dict[object, float] = {}
    plain = 0.0
    for found in answer.sets:
        if found.assumptions:
            key = tuple((a.question, a.answer) for a in found.assumptions)
            by_answers[key] = by_answers.get(key, 0) + found.count * found.probability
        else:
            plain += found.count * found.probability
    assert plain <= MEMBERS + 0.01
    if not by_answers:
        assert abs(plain - MEMBERS) < 0.01


@examples(15)
@given(DUMPS)
def test_witnesses_walk_to_the_fate_they_stand_for(rules):
    snapshot = node(rules)
    for found in query(snapshot, ASKED).sets:
        fate = (
            found.verdict,
            found.egress,
            found.reject_with,
            found.reason,
            found.decided_by and found.decided_by.line,
        )
        assert fate in fates(snapshot, dict(found.witness))


@examples(15)
@given(DUMPS, st.integers(0, 11), st.integers(0, 8), st.sampled_from("ab"), st.sampled_from(["tcp", "udp"]), st.data())
def test_a_packet_meets_the_fates_of_the_sets_that_hold_it(rules, source, target, device, proto, data):
    snapshot = node(rules)
    sources = [*range(address("10.0.0.0"), address("10.0.0.8")), *range(address("10.0.1.8"), address("10.0.1.12"))]
    targets = [*range(address("10.0.1.0"), address("10.0.1.8")), address("10.0.0.8")]
    packet = {"in": device, "proto": proto, "dport": str(data.draw(st.integers(80, 87)))}
    packet |= {"src": dotted(sources[source]), "dst": dotted(targets[target])}
    packet = {**ASKED, **packet}
    alone = {fate_of(p) for p in query(snapshot, packet).sets}
    assert alone == fates(snapshot, packet)
    among = {
        fate_of(p) for p in query(snapshot, ASKED).sets if p.when is None or any(holds(row, packet) for row in p.when)
    }
    assert alone == among


def dotted(value: int) -> str:
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


def holds(row: dict[str, str], packet: dict[str, str]) -> bool:
    return all(one_of(text, packet[name]) for name, text in row.items())


def one_of(text: str, value: str) -> bool:
    listed = text.removeprefix("any except ")
    return any(within(part.strip(), value) for part in listed.split(",")) is (listed == text)


def within(part: str, value: str) -> bool:
    if "/" in part:
        base, length = part.split("/")
        return address(base) >> 32 - int(length) == address(value) >> 32 - int(length)
    low, _, high = part.partition("-")
    if "." in value:
        return address(low) <= address(value) <= address(high or low)
    return int(low) <= int(value) <= int(high or low) if value.isdigit() else part == value


@examples(8)
@given(DUMPS)
def test_nothing_differs_from_itself(rules):
    snapshot, again = node(rules), node(f"{rules}# saved again\n")
    again.__dict__["normal_texts"] = []  # so that the packets are compared
    assert not difference(snapshot, again, ASKED).changes


@examples(10)
@given(DUMPS, DUMPS)
def test_a_difference_mirrors_the_other_way_round(rules, others):
    one, other = node(rules), node(others)
    there, back = difference(one, other, ASKED).changes, difference(other, one, ASKED).changes
    assert shares(there) == {(after, before): share for (before, after), share in shares(back).items()}


def shares(changes: Iterable[Change]) -> dict[tuple[str, str], Fraction]:
    """How many packets go from which fate to which, if either answer to what is open is as likely as the other."""
    found: dict[tuple[str, str], Fraction] = {}
    for c in changes:
        share = Fraction(c.after.count) * Fraction(c.after.probability) / 2 ** len(c.after.assumptions)
        found[c.before.verdict, c.after.verdict] = found.get((c.before.verdict, c.after.verdict), Fraction(0)) + share
    return found


@examples(10)
@given(DUMPS, DUMPS)
def test_witnesses_of_a_change_walk_to_another_fate(rules, others):
    one, other = node(rules), node(others)
    for change in difference(one, other, ASKED).changes:
        for side, snapshot in ((change.before, one), (change.after, other)):
            told = {(verdict, *why) for verdict, _, *why in fates(snapshot, dict(side.witness))}
            verdict, _, *reasons = fate_of(side)
            assert (verdict, *reasons) in told


@examples(10)
@given(DUMPS)
def test_a_rule_that_no_packet_reaches_makes_no_difference(rules):
    unreached = rules.replace("-A X ", "-A X -s 10.9.9.9 -d 10.9.9.8 -j DROP\n-A X ", 1)
    spare = rules.replace(":X - [0:0]", ":X - [0:0]\n:UNUSED - [0:0]").replace("COMMIT", "-A UNUSED -j DROP\nCOMMIT", 1)
    for other in (unreached, spare):
        assert not difference(node(rules), node(other), ASKED).changes


@examples(8)
@given(DUMPS)
def test_chains_may_be_renamed(rules):
    renamed = rules.replace(" X", " RENAMED").replace(":X", ":RENAMED")
    assert not difference(node(rules), node(renamed), ASKED).changes


@examples(8)
@given(DUMPS, st.sampled_from(["accept", "drop", "reject"]))
def test_a_verdict_asked_for_is_that_part_of_all(rules, verdict):
    snapshot = node(rules)
    wanted = query(snapshot, ASKED, Wanted(verdict=verdict)).sets
    assert wanted == [found for found in query(snapshot, ASKED).sets if found.verdict == verdict]


def test_a_renamed_chain_with_a_limit_asks_the_same_question():
    rules = "-A FORWARD -m limit --limit 5/sec -p tcp -j X\n-A X -i a -m limit --limit 5/sec -p tcp -j DROP\n"
    dump = f"*filter\n:FORWARD ACCEPT [0:0]\n:X - [0:0]\n{rules}COMMIT\n"
    renamed = dump.replace(" X", " RENAMED").replace(":X", ":RENAMED")
    assert not difference(node(dump), node(renamed), ASKED).changes
    assert difference(node(dump), node(renamed.replace("-i a", "-i b")), ASKED).changes
