"""`query --matrix --by address`: classes of addresses that fare alike, the fewest there can be."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ruleparse
from ruleparse.codec import address
from tests.command import run

FIREWALL = "corpora/firewall"
SSH: dict[str, Any] = {"proto": "tcp", "dport": 22}


@pytest.fixture(autouse=True)
def here(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    monkeypatch.setenv("COLUMNS", "100")


def save(path, rules, policy="DROP"):
    path.mkdir(exist_ok=True)
    (path / "rules.txt").write_text(f"*filter\n:FORWARD {policy} [0:0]\n:USER - [0:0]\n{rules}\nCOMMIT\n")
    return ruleparse.load(path)


def read(answer):
    """The classes by their ranges, and the verdicts row by row."""
    size = range(len(answer.parties))
    classes = [", ".join(party.ranges) if party.addresses else "all" for party in answer.parties]
    return classes, [" ".join(answer.cells[i, j].verdict for j in size) for i in size]


@pytest.mark.parametrize(
    ("rules", "classes", "verdicts"),
    [
        ("", ["all"], ["drop"]),
        ("-A FORWARD -s 10.0.0.0/8 -j ACCEPT", ["0.0.0.0-9.255.255.255, 11.0.0.0-255.255.255.255", "10.0.0.0/8"],
         ["drop drop", "accept accept"]),
        ("-A FORWARD -s 10.0.0.0/8 -d 10.0.0.0/8 -j ACCEPT\n-A FORWARD -s 10.0.0.0/9 -d 10.128.0.0/9 -j DROP",
         ["0.0.0.0-9.255.255.255, 11.0.0.0-255.255.255.255", "10.0.0.0/8"], ["drop drop", "drop accept"]),
        ("-A FORWARD -s 10.0.0.1/32 -d 10.0.0.2/32 -i eth0 -j ACCEPT",
         ["0.0.0.0-10.0.0.0, 10.0.0.3-255.255.255.255", "10.0.0.1", "10.0.0.2"],
         ["drop drop drop", "drop drop partly", "drop drop drop"]),
        ("-A FORWARD -p udp -s 10.0.0.0/8 -j ACCEPT\n-A FORWARD -j REJECT", ["all"], ["reject"]),
        ("-A FORWARD -d 10.0.0.0/8 -m limit --limit 3/min -j ACCEPT",
         ["0.0.0.0-9.255.255.255, 11.0.0.0-255.255.255.255", "10.0.0.0/8"], ["drop depends", "drop depends"]),
        ("-A FORWARD -s 10.0.0.0/8 -j REJECT", ["all"], ["refused"]),
    ],
)  # fmt: skip
def test_classes_and_verdicts_of_a_chain(tmp_path, rules, classes, verdicts):
    assert read(save(tmp_path, rules).matrix(by="address", chain="FORWARD", **SSH)) == (classes, verdicts)


def test_a_chain_sees_what_comes_over_the_loopback(tmp_path):
    (tmp_path / "rules.txt").write_text("*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n")
    ((cell,),) = [ruleparse.load(tmp_path).matrix(by="address", chain="INPUT", **SSH).cells.values()]
    assert (cell.verdict, [(m.verdict, m.witness["in"] == "lo") for m in cell.fates]) == (
        "partly",
        [("accept", True), ("drop", False)],
    )


ADDRESSES = [f"10.0.0.{n}" for n in range(8)]
NETS = st.sampled_from(["10.0.0.0/30", "10.0.0.4/31", "10.0.0.6/32", "10.0.0.1/32", "10.0.0.2/31", "10.0.0.0/29"])
RULES = st.lists(
    st.builds("-A FORWARD -s {} -d {} {} -j {}".format, NETS, NETS, st.sampled_from(["", "-i eth0"]),
              st.sampled_from(["ACCEPT", "DROP", "REJECT", "RETURN"])),
    max_size=6,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(RULES)
def test_addresses_are_in_one_class_where_all_of_them_fare_alike_and_only_there(tmp_path_factory, rules):
    node = save(tmp_path_factory.mktemp("node"), "\n".join(rules))
    answer = node.matrix(by="address", chain="FORWARD", src="10.0.0.0/29", dst="10.0.0.0/29", **SSH)
    class_of = {a: i for a in ADDRESSES for i, p in enumerate(answer.parties) if holds(p, address(a))}
    assert class_of.keys() == set(ADDRESSES)
    fares = {pair: walked(rules, *pair) for pair in product(ADDRESSES, repeat=2)}
    for (a, b), fate in fares.items():
        assert word(fate) == word({met.verdict for met in answer.cells[class_of[a], class_of[b]].fates})
    for a, b in product(ADDRESSES, repeat=2):
        alike = all(
            word(fares[a, c]) == word(fares[b, c]) and word(fares[c, a]) == word(fares[c, b]) for c in ADDRESSES
        )
        assert alike == (class_of[a] == class_of[b])


def holds(party, value):
    return not party.addresses or any(value & p.mask == p.value for p in party.addresses)


def word(verdicts):
    """Whether one gets through: always, never, sometimes."""
    return ("accept" in verdicts, bool(verdicts & {"drop", "reject"}))


def walked(rules, source, target):
    """What becomes of packets of two addresses, whatever interface they come in by; by a reader of its own."""
    fates = set()
    for device in ("eth0", "eth1"):
        fate = "drop"
        for rule in rules:
            words = rule.split()
            option = dict(zip(words[2::2], words[3::2], strict=True))
            if option.get("-i", device) == device and within(source, option["-s"]) and within(target, option["-d"]):
                fate = {"ACCEPT": "accept", "REJECT": "reject"}.get(option["-j"], "drop")
                break
        fates.add(fate)
    return fates


def within(text, net):
    base, length = net.split("/")
    return address(text) >> 32 - int(length) == address(base) >> 32 - int(length)


def test_classes_of_a_whole_node_know_what_the_kernel_refuses():
    answer = load_firewall().matrix(by="address", family=4, src="192.168.50.0/24", in_="eth1", **SSH)
    found = [i for i, party in enumerate(answer.parties) if holds(party, address("127.0.0.1"))]
    source = next(i for i, party in enumerate(answer.parties) if holds(party, address("192.168.50.9")))
    assert [answer.cells[source, i].verdict for i in found] == ["drop"]


def load_firewall():
    return ruleparse.load(FIREWALL)


def test_every_witness_of_a_whole_node_walks_to_its_fate():
    node = load_firewall()
    for cell in node.matrix(by="address", family=4, in_="eth1", **SSH).cells.values():
        for met in cell.fates:
            assert met.verdict in {o.verdict for o in node.why(**met.witness).outcomes}


def test_what_is_left_out_is_said(tmp_path):
    rules = "\n".join(f"-A FORWARD -s 10.0.0.{n}/32 -d 10.0.1.{n}/32 -j ACCEPT" for n in range(4))
    answer = save(tmp_path, rules).matrix(by="address", chain="FORWARD", most=3, **SSH)
    assert len(answer.parties) == 3
    assert answer.notes == ["6 more classes are left out (--most 9 takes them)"]


def test_text_and_markdown(golden):
    words = ("query", FIREWALL, "--matrix", "--by", "address", "--chain", "FORWARD", "--family", "4",
             "--proto", "tcp", "--dport", "22")  # fmt: skip
    golden("query/addresses.txt", run(*words).out)
    golden("query/addresses.markdown.txt", run(*words, "--format", "markdown").out)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--by", "address"], "--by address is for --matrix"),
        (["--matrix", "--chain", "FORWARD"], "--chain for --matrix --by address"),
        (["--matrix", "--by", "address", "--chain", "LOGGED"], "there are 0 such base chains"),
        (["--matrix", "--by", "address", "--src", "10.0.0.1"], "--src and --dst have to be more"),
    ],
)
def test_wrong_usage(words, complaint):
    ran = run("query", FIREWALL, "--family", "4", *words)
    assert (ran.status, ran.out) == (2, "")
    assert complaint in ran.err
