"""Whatever a file holds, there is an answer or a clean end: never a traceback, never a hang, never a line passed over."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.command import Ran, run

CORPORA = Path(__file__).parent.parent / "corpora"
SAVES = [CORPORA / name / "iptables-save.txt" for name in ("docker-28", "kube-proxy-1.34", "calico-after", "firewall")]
ROUTES = (CORPORA / "docker" / "ip-route.txt").read_text()
PACKET = ("--src", "198.51.101.7", "--dst", "172.17.0.2", "--proto", "tcp", "--sport", "40000", "--dport", "80")
ANSWERED, UNREADABLE = 0, 3


def ask(dump: bytes | str, *more: str | Path) -> Ran:
    """One packet through a dump on standard input."""
    data = dump.encode("utf-8", "surrogateescape") if isinstance(dump, str) else dump
    ran = run("why", "-", *more, "--in", "eth0", *PACKET, "--format", "json", stdin=data)
    assert ran.status in (ANSWERED, UNREADABLE), ran.err
    assert (ran.out == "") == (ran.status == UNREADABLE)
    if ran.out:
        assert json.loads(ran.out)["outcomes"]
    return ran


def save(*rules: str, chains: str = "", policy: str = "ACCEPT") -> str:
    declared = "".join(f":{name} - [0:0]\n" for name in chains.split())
    body = "".join(f"{rule}\n" for rule in rules)
    return f"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD {policy} [0:0]\n:OUTPUT ACCEPT [0:0]\n{declared}{body}COMMIT\n"


# Anything at all


@settings(max_examples=60)
@given(st.binary(max_size=400))
def test_bytes(data):
    ask(data)


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_bytes_in_place_of_a_rule(data):
    ask(save("-A FORWARD -j DROP").encode().replace(b"-A FORWARD -j DROP", data))


WORDS = st.sampled_from(
    "-A -s -d -i -o -p -m -j -g ! FORWARD INPUT ACCEPT DROP tcp udp comment --comment multiport --dports conntrack --ctstate "
    "NEW,NEW mark --mark 0x1/0x1 10.0.0.0/8 ::1 80:79 1,2, set --match-set DNAT --to-destination statistic --mode random "
    "--probability 1.5 limit --limit 3/min [0:0] COMMIT *nat :FORWARD # \" ' \\ -- - , / é \x00 \x1b[m \t".split(" ")
)


@settings(max_examples=80)
@given(st.lists(st.lists(WORDS, max_size=12).map(" ".join), max_size=6))
def test_words_of_rules_in_any_order(lines):
    ask(save(*lines))
    ask("\n".join(lines))


@settings(max_examples=40)
@given(st.sampled_from(SAVES), st.data())
def test_a_dump_cut_short(path, data):
    text = path.read_bytes()
    ran = ask(text[: data.draw(st.integers(0, len(text)))])
    assert ran.status == UNREADABLE or "COMMIT" in ran.err or b"COMMIT" in text


@settings(max_examples=40)
@given(st.sampled_from(SAVES), st.data())
def test_a_dump_with_bytes_changed(path, data):
    text = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    ask(bytes(text))


@settings(max_examples=20)
@given(st.sampled_from(SAVES), st.randoms(use_true_random=False))
def test_a_dump_with_its_lines_in_another_order(path, random):
    lines = path.read_text().splitlines()
    random.shuffle(lines)
    ask("\n".join(lines))


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(p.name for p in (CORPORA / "calico-after").iterdir() if "iptables" not in p.name)), st.data()
)
def test_the_other_dumps_with_bytes_changed(tmp_path_factory, name, data):
    text = bytearray((CORPORA / "calico-after" / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("changed") / name
    path.write_bytes(text)
    ask(save("-A FORWARD -m set --match-set cali40s:abc src -j DROP"), path)


# Lines that are wrong: each ends as a complaint about it, or as an assumption


@pytest.mark.parametrize(
    "line",
    [
        "here is no rule",
        "-A",
        "-A FORWARD -j",
        "-A FORWARD -s",
        "-A FORWARD -s 10.0.0.0/33 -j DROP",
        "-A FORWARD -s 10.0.0.0/-1 -j DROP",
        "-A FORWARD -s 10.0.0.0/255.255.255.256 -j DROP",
        "-A FORWARD -s fd00::/8 -j DROP",
        "-A FORWARD -s localhost -j DROP",
        "-A FORWARD -i an-interface-of-a-long-name -j DROP",
        "-A FORWARD -p 256 -j DROP",
        "-A FORWARD -p nonsense -j DROP",
        "-A FORWARD -p tcp -m tcp --dport 99999999999999999999999999 -j DROP",
        "-A FORWARD -p tcp -m tcp --dport 0x1ffff -j DROP",
        "-A FORWARD -p tcp -m tcp --tcp-flags SYN -j DROP",
        "-A FORWARD -p tcp -m multiport --dports 1,,2 -j DROP",
        "-A FORWARD -m mark --mark 0x1ffffffff -j DROP",
        "-A FORWARD -m conntrack --ctstate OLD -j DROP",
        "-A FORWARD -m statistic --mode random --probability nan -j DROP",
        "-A FORWARD -m statistic --mode nth --every 0 -j DROP",
        "-A FORWARD -m nonsense --of whatever kind -j DROP",
        "-A FORWARD -m tcp --nonsense -j DROP",
        "-A FORWARD --nonsense 1 -j DROP",
        "-A FORWARD -j NONSENSE",
        "-A FORWARD -j no-such-chain",
        "-A FORWARD -g no-such-chain",
        "-A FORWARD -j REJECT --reject-with nonsense",
        "-A FORWARD -j MARK --set-xmark 1/2/3",
        '-A FORWARD -m comment --comment "no end -j DROP',
        "-A FORWARD -m comment --comment -j DROP",
        "-A FORWARD [unsupported revision] -j DROP",
        "-A FORWARD -m u32 --u32 nonsense -j DROP",
        "-A FORWARD -m bpf --bytecode 999999,1 -j DROP",
        "-A FORWARD -m string --algo bm --string x -j DROP",
        "-D FORWARD 1",
        "-R FORWARD 1 -j DROP",
        "-E FORWARD BACKWARD",
        ":lonely",
        ":odd MAYBE [0:0]",
        ":FORWARD DROP [0:0]",
    ],
)  # fmt: skip
def test_a_wrong_line_is_not_passed_over(line):
    ran = ask(save(line))
    assert ran.status == ANSWERED
    answer = json.loads(ran.out)
    complaints = [d for d in answer["diagnostics"] if d["line"] == 5]
    assumptions = [a for o in answer["outcomes"] for a in o["assumptions"] if a["rule"] and a["rule"]["line"] == 5]
    assert complaints or assumptions
    assert not complaints or "<stdin>:5:" in ran.err


def test_a_wrong_line_does_not_hide_the_next():
    outcomes = json.loads(ask(save("nonsense", "-A FORWARD -j DROP")).out)["outcomes"]
    assert [o["verdict"] for o in outcomes if o["decided_by"]] == ["drop"] * len(
        [o for o in outcomes if o["decided_by"]]
    )
    assert {o["decided_by"]["rule"] for o in outcomes if o["decided_by"]} == {1}


# Large and deep


def loop(*chains: str) -> str:
    """Chains that call each other in a ring."""
    ring = [f"-A {a} -j {b}" for a, b in zip(chains, (*chains[1:], chains[0]), strict=True)]
    return save(f"-A FORWARD -j {chains[0]}", *ring, chains=" ".join(chains))


DEEP = save(
    "-A FORWARD -j C0",
    *(f"-A C{n} -j C{n + 1}" for n in range(2000)),
    "-A C2000 -j DROP",
    chains=" ".join(f"C{n}" for n in range(2001)),
)
WIDE = save(*(f"-A FORWARD -s 10.{n >> 8}.{n & 255}.1/32 -j DROP" for n in range(3000)), policy="DROP")
TWICE = save("-A A -j RETURN", "-A FORWARD -j A", "-A FORWARD -j DROP", chains="A A A")


@pytest.mark.parametrize(
    ("name", "dump", "verdicts"),
    [
        ("a chain that calls itself", loop("A"), {"drop"}),
        ("two chains that call each other", loop("A", "B"), {"drop"}),
        ("a long ring", loop(*(f"C{n}" for n in range(500))), {"drop"}),
        ("gotos in a ring", loop("A", "B").replace("-j", "-g"), {"drop"}),
        ("a base chain as a target", save("-A FORWARD -j INPUT", "-A INPUT -j FORWARD"), {"drop"}),
        ("two thousand chains deep", DEEP, {"drop"}),
        ("many rules", WIDE, {"drop"}),
        ("a chain declared three times", TWICE, {"drop"}),
        ("a table twice", save("-A FORWARD -j DROP") + save(), {"accept"}),
        ("a table of no kernel", "*nonsense\n:X ACCEPT [0:0]\n-A X -j X\nCOMMIT\n" + save(), {"accept"}),
        ("a long line", save("-A FORWARD -m comment --comment " + "x" * 60_000 + " -j DROP"), {"drop"}),
        ("a longer line", save("-A FORWARD -m comment --comment " + "x" * 500_000 + " -j DROP"), {"drop", "accept"}),
        ("many words", save("-A FORWARD " + "-m comment --comment x " * 500 + "-j DROP"), {"drop"}),
        ("many commas", save("-A FORWARD -p tcp -m multiport --dports " + ",".join("80" * 5000) + " -j DROP"), None),
        ("many quotes", save('-A FORWARD -m comment --comment "' + '\\"' * 5000 + '" -j DROP'), {"drop"}),
        ("open quotes", save(*['-A FORWARD -m comment --comment "x -j DROP'] * 200), None),
        ("many blanks", save("-A FORWARD" + " " * 50_000 + "-j DROP"), {"drop"}),
        ("carriage returns", save("-A FORWARD -j DROP").replace("\n", "\r\n"), {"drop"}),
        ("no newline at the end", save("-A FORWARD -j DROP").strip(), {"drop"}),
        ("empty lines", save("-A FORWARD -j DROP").replace("\n", "\n\n \t\n"), {"drop"}),
        ("a byte order mark", "\ufeff" + save("-A FORWARD -j DROP"), None),
        ("bytes of no encoding", save('-A FORWARD -m comment --comment "\udcff\udcfe" -j DROP'), {"drop"}),
        ("letters of everywhere", save('-A FORWARD -m comment --comment "Straße 通り \u202e" -j DROP'), {"drop"}),
        ("zeros", save("-A FORWARD -i e\0h0 -j ACCEPT", "-A FORWARD -j DROP"), None),
        ("counters beyond all numbers", save(f"[{'9' * 400}:0] -A FORWARD -j DROP"), {"drop"}),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 and "\n" not in value else "",
)  # fmt: skip
def test_large_and_odd_dumps(name, dump, verdicts, tmp_path):
    routes = tmp_path / "ip-route.txt"
    routes.write_text(ROUTES)
    ran = ask(dump, routes)
    if verdicts is not None:
        assert {o["verdict"] for o in json.loads(ran.out)["outcomes"]} == verdicts


def test_a_loop_is_named():
    reasons = {o["reason"] for o in json.loads(ask(loop("A", "B")).out)["outcomes"]}
    assert "too many tables within tables" in reasons


@pytest.mark.parametrize("command", ["show", "graph", "why"])
@pytest.mark.parametrize(
    "dump", [loop("A", "B"), DEEP, TWICE, "", "\0" * 100], ids=["ring", "deep", "twice", "empty", "zeros"]
)
def test_every_command_ends(command, dump):
    ran = run(command, "-", *(PACKET if command == "why" else ()), stdin=dump.encode())
    assert ran.status in (ANSWERED, UNREADABLE)


# Packets


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["in", "src", "dst", "proto", "sport", "dport", "ttl", "tos", "mark", "hex", "family", "icmp_type", "x"]),
        st.one_of(st.text(max_size=12), st.integers(), st.none(), st.booleans(), st.sampled_from(["tcp", "::1", "10.0.0.1", "80-90"])),
        max_size=5,
    )
)  # fmt: skip
def test_packets_of_any_kind(tmp_path_factory, spec):
    path = tmp_path_factory.mktemp("packets") / "packets.jsonl"
    path.write_text(json.dumps(spec) + "\n")
    ran = run("why", "-", "--packets", path, "--format", "jsonl", stdin=save("-A FORWARD -j DROP").encode())
    assert (ran.status, bool(ran.out)) in ((0, True), (2, False))


@settings(max_examples=60)
@given(
    st.binary(max_size=80).map(lambda b: bytes([0x45]) + b) | st.binary(max_size=80).map(lambda b: bytes([0x60]) + b)
)
def test_packets_of_any_bytes(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("packets") / "packets.jsonl"
    path.write_text(json.dumps({"hex": raw.hex(), "in": "eth0"}) + "\n")
    dump = save("-A FORWARD -p tcp -m tcp --dport 80 -j DROP", "-A FORWARD -p icmp -j REJECT")
    both = dump + dump.replace("*filter", "# Generated by ip6tables-save v1.8.9 (nf_tables)\n*filter").replace(
        "icmp", "icmpv6"
    )
    ran = run("why", "-", "--packets", path, "--format", "jsonl", stdin=both.encode())
    assert (ran.status, bool(ran.out)) in ((0, True), (2, False))
