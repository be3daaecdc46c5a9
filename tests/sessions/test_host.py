"""Packets one after another, what answers them, and captures."""

import json
import struct

import pytest

from ruleparse.node import Node
from ruleparse.snapshot import load
from ruleparse.spec import SpecError
from tests.command import run
from tests.places import CORPORA

ROUTES = """default via 192.0.2.1 dev eth0
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.2
10.0.0.0/24 dev eth1 proto kernel scope link src 10.0.0.1
local 192.0.2.2 dev eth0 table local proto kernel scope host src 192.0.2.2
local 10.0.0.1 dev eth1 table local proto kernel scope host src 10.0.0.1
"""
RULES = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n"
LINKS = """1: lo: <LOOPBACK,UP> mtu 65536
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: eth0: <BROADCAST,UP> mtu 1500
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
3: eth1: <BROADCAST,UP> mtu 1500
    link/ether 02:00:00:00:00:03 brd ff:ff:ff:ff:ff:ff
"""
ADDRESSES = """1: lo: <LOOPBACK,UP> mtu 65536
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,UP> mtu 1500
    inet 192.0.2.2/24 scope global eth0
3: eth1: <BROADCAST,UP> mtu 1500
    inet 10.0.0.1/24 scope global eth1
"""

STATEFUL = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
"""
FORGETFUL = STATEFUL.replace("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n", "")
OUT = {"in": "eth1", "src": "10.0.0.9", "dst": "198.51.100.7", "proto": "tcp", "sport": 40000, "dport": 443}
BACK = {"in": "eth0", "src": "198.51.100.7", "dst": "192.0.2.2", "proto": "tcp", "sport": 443, "dport": 40000}


@pytest.fixture
def node_of(tmp_path):
    def make(rules):
        texts = {"save": rules, "route": ROUTES, "rule": RULES, "link": LINKS, "addr": ADDRESSES, "sysctl": settings()}
        for name, text in texts.items():
            (tmp_path / f"{name}.txt").write_text(text)
        return Node(load([tmp_path]))

    return make


def settings():
    return "".join((CORPORA / "calico-before" / "sysctl.txt").read_text().splitlines(keepends=True))


def only(answer):
    (outcome,) = answer.outcomes
    assert not outcome.assumptions
    return outcome


def test_an_answer_finds_the_connection_and_its_translation(node_of):
    session = node_of(STATEFUL).session()
    assert only(session.why(**OUT)).packet["src"] == "192.0.2.2"
    back = only(session.why(**BACK, tcp_flags="SYN,ACK"))
    assert (back.verdict, back.egress, back.packet["dst"]) == ("accept", "eth1", "10.0.0.9")


def test_by_itself_the_same_packet_belongs_to_nothing(node_of):
    answer = node_of(STATEFUL).why(**BACK, tcp_flags="SYN,ACK")
    assert only(answer).egress == "local"


def test_a_dropped_packet_leaves_no_connection(node_of):
    session = node_of(STATEFUL).session()
    stranger = {**OUT, "in": "eth0", "src": "198.51.100.7", "dst": "10.0.0.9"}
    assert only(session.why(**stranger)).verdict == "drop"
    assert only(session.why(**stranger)).verdict == "drop"


def test_the_leg_that_fails_is_the_way_back(node_of):
    there = only(node_of(FORGETFUL).why(**OUT, reply=True))
    (back,) = there.reply
    assert (there.verdict, back.verdict) == ("accept", "drop")
    assert (back.decided_by.chain, back.decided_by.rule) == ("FORWARD", 0)


def test_an_answer_is_the_same_whatever_the_port(node_of):
    packet = {name: value for name, value in OUT.items() if name != "sport"}
    there = only(node_of(STATEFUL).why(**packet, reply=True))
    (back,) = there.reply
    assert (back.verdict, back.egress, back.when) == ("accept", "eth1", None)


def test_a_service_answers_by_its_own_address():
    node = Node(load([CORPORA / "kube-proxy-1.31"]))
    answer = node.why(src="10.244.1.5", dst="10.96.0.10", proto="udp", dport=53, reply=True)
    assert {back.packet["src"] for o in answer.outcomes for back in o.reply or ()} == {"10.96.0.10"}
    assert sum(o.probability for o in answer.outcomes) == pytest.approx(1)


def test_connections_are_told_apart_by_their_ports(node_of):
    with pytest.raises(SpecError, match="--sport"):
        node_of(STATEFUL).session().why(**{name: value for name, value in OUT.items() if name != "sport"})


def test_what_chance_decided_stays_decided():
    """Every later packet of a connection goes to the endpoint that the first one was sent to."""
    session = Node(load([CORPORA / "kube-proxy-1.31"])).session()
    packet = {"in": "eth0", "src": "10.244.1.5", "dst": "10.96.0.10", "proto": "udp", "sport": 4000, "dport": 53}
    for _ in range(3):
        outcomes = session.why(**packet).outcomes
        assert len(outcomes) == len({o.packet["dst"] for o in outcomes})
        assert sum(o.probability for o in outcomes) == pytest.approx(1)


# On the command line


def capture(path, *packets):
    """A pcap of Ethernet frames."""
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for second, packet in enumerate(packets):
        frame = bytes.fromhex("0200000000030200000000090800") + packet
        data += struct.pack("<IIII", second, 0, len(frame), len(frame)) + frame
    path.write_bytes(data)


def udp(src, dst, sport, dport):
    octets = [bytes(map(int, address.split("."))) for address in (src, dst)]
    body = struct.pack("!HHHH", sport, dport, 8, 0)
    return struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0) + b"".join(octets) + body


def test_a_capture_says_which_packet_is_dropped(node_of, tmp_path):
    node_of(STATEFUL.replace("-A FORWARD -i eth1 -j ACCEPT", "-A FORWARD -i eth1 -p udp --dport 53 -j ACCEPT"))
    file = tmp_path.parent / "x.pcap"
    capture(file, udp("10.0.0.9", "198.51.100.7", 4000, 53), udp("10.0.0.9", "198.51.100.7", 4000, 123))
    lines = run("why", str(tmp_path), "--pcap", str(file), "--in", "eth1").out.splitlines()
    assert lines[0].split(maxsplit=1)[0] == "1"
    assert "ACCEPTED, leaves by eth0" in lines[0]
    assert "10.0.0.9:4000 to 198.51.100.7:123 udp  DROPPED by filter FORWARD, the policy" in lines[1]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--pcap", "/dev/null", "--in", "eth1"], 3, "neither pcap nor pcapng"),
        (["--pcap", "/nowhere", "--in", "eth1"], 2, "No such file"),
        (["--pcap", "/dev/null"], 2, "--in"),
    ],
)
def test_captures_that_cannot_be_read(node_of, tmp_path, options, status, words):
    node_of(STATEFUL)
    result = run("why", str(tmp_path), *options)
    assert result.status == status
    assert words in result.err


def test_packets_of_a_file_meet_the_connections_of_earlier_ones(node_of, tmp_path):
    node_of(STATEFUL)
    file = tmp_path.parent / "packets.jsonl"
    file.write_text("".join(json.dumps(p) + "\n" for p in (OUT, {**BACK, "tcp_flags": "SYN,ACK"})))

    def egress(*how):
        lines = run("why", str(tmp_path), "--packets", str(file), "--format", "jsonl", *how).out.splitlines()
        return [json.loads(line)["outcomes"][0]["egress"] for line in lines]

    assert egress() == ["eth0", "local"]
    assert egress("--stateful") == ["eth0", "eth1"]


def test_a_capture_that_is_cut_short_says_so_behind_what_it_holds(node_of, tmp_path):
    node_of(STATEFUL)
    file = tmp_path.parent / "cut.pcap"
    capture(file, udp("10.0.0.9", "198.51.100.7", 4000, 53), udp("10.0.0.9", "198.51.100.7", 4000, 123))
    for size in range(24, len(file.read_bytes())):
        cut = tmp_path.parent / "cut-here.pcap"
        cut.write_bytes(file.read_bytes()[:size])
        result = run("why", str(tmp_path), "--pcap", str(cut), "--in", "eth1", "--format", "jsonl")
        assert result.status in (0, 3), size
