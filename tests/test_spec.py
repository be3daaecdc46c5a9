"""Packets as people write them: which values of a field each text allows."""

import pytest

import ruleparse.netfilter.fields  # noqa: F401 (declares the fields that are spoken of here)
from ruleparse import bits
from ruleparse.codec import address, interface, mac, protocol
from ruleparse.spec import SpecError, asked, family_of

BASE = {"in": "eth0", "src": "192.0.2.1", "dst": "192.0.2.2", "proto": "tcp", "sport": 1000, "dport": 80}


@pytest.mark.parametrize(
    ("key", "text", "inside", "outside", "field", "read"),
    [
        ("src", "10.0.0.1", ["10.0.0.1"], ["10.0.0.2"], "src", address),
        ("src", "10.0.0.1/32", ["10.0.0.1"], ["10.0.0.2"], "src", address),
        ("src", "10.0.0.0/30", ["10.0.0.0", "10.0.0.3"], ["10.0.0.4", "9.255.255.255"], "src", address),
        ("src", "10.0.0.3-10.0.1.1", ["10.0.0.3", "10.0.1.1"], ["10.0.0.2", "10.0.1.2"], "src", address),
        ("src", "10.0.0.1,10.0.0.9", ["10.0.0.1", "10.0.0.9"], ["10.0.0.2"], "src", address),
        ("dst", "10.0.0.0/8,192.0.2.1", ["10.9.9.9", "192.0.2.1"], ["11.0.0.0"], "dst", address),
        ("dport", "80", [80], [81], "dport", int),
        ("dport", "80,8000-8100", [80, 8000, 8100], [81, 7999, 8101], "dport", int),
        ("sport", "0-65535", [0, 65535], [], "sport", int),
        ("proto", "tcp,udp", ["tcp", "udp"], ["icmp"], "proto", protocol),
        ("proto", "TCP", ["tcp"], ["udp"], "proto", protocol),
        ("proto", "132", ["sctp"], ["tcp"], "proto", protocol),
        ("in", "eth0", ["eth0"], ["eth1", "eth01"], "in", interface),
        ("in", "eth+", ["eth", "eth0", "eth99"], ["et", "wlan0"], "in", interface),
        ("out", "eth0,lo", ["eth0", "lo"], ["eth1"], "out_given", interface),
        ("tcp_flags", "SYN,ACK", [18], [2, 16, 19], "tcp_flags", int),
        ("tcp_flags", "none", [0], [1], "tcp_flags", int),
        ("tcp_flags", "any", [0, 2, 255], [], "tcp_flags", int),
        ("ctstate", "established", [2], [8], "ct_given", int),
        ("ctstate", "NEW,RELATED", [8, 4], [2], "ct_given", int),
        ("mark", "0x10", [16], [17], "mark", int),
        ("mark", "0x10/0x10", [16, 17, 0xFF], [0, 15], "mark", int),
        ("mark", "any", [0, 1 << 31], [], "mark", int),
        ("ttl", "1-3", [1, 3], [0, 4], "ttl", int),
        ("tos", "0x10", [16], [0], "tos", int),
        ("length", "40-1500", [40, 1500], [39, 1501], "length", int),
        ("src_mac", "52:54:0:0:0:2", ["52:54:00:00:00:02"], ["52:54:00:00:00:03"], "src_mac", mac),
        ("uid", "0,1000-1999", [0, 1500], [1, 2000], "uid", int),
    ],
)
def test_what_a_text_allows(key, text, inside, outside, field, read):
    question = asked({**BASE, key: text}, 4)

    def allows(value) -> bool:
        here = bits.equal_masked(question.packet[field], read(value), -1)
        return bits.both(question.reach, here) is not False

    assert [allows(value) for value in inside] == [True] * len(inside)
    assert [allows(value) for value in outside] == [False] * len(outside)


def test_a_known_packet_is_plain_numbers():
    question = asked(BASE, 4)
    assert question.reach is True
    assert all(isinstance(n, int) for n in question.packet.values.values())


@pytest.mark.parametrize(
    ("packet", "values"),
    [
        ({"proto": "tcp"}, {"tcp_flags": 2}),
        ({"proto": "tcp", "tcp_flags": "ACK"}, {"tcp_flags": 16}),
        ({"proto": "icmp"}, {"icmp_type": 8, "icmp_code": 0}),
        ({"proto": "icmpv6"}, {"icmp_type": 128, "icmp_code": 0}),
        ({"proto": "icmp", "icmp_type": "3/4"}, {"icmp_type": 3, "icmp_code": 4}),
        ({"local": True}, {"local": 1, "in": 0}),
        ({"in": "local"}, {"local": 1, "in": 0}),
        ({"in": "eth0"}, {"mark": 0, "ttl": 64, "ct_given": 0}),
    ],
    ids=str,
)
def test_what_goes_without_saying(packet, values):
    packet_ = asked(packet, family_of(packet) or 4).packet
    assert {name: packet_[name] for name in values} == values


def test_what_is_said_of_a_known_connection_is_not_made_up():
    packet = asked({"proto": "tcp", "ctstate": "ESTABLISHED"}, 4).packet
    assert not packet.given("tcp_flags")


def test_a_packet_comes_in_by_one_of_the_nodes_interfaces():
    question = asked({"src": "192.0.2.1"}, 4, interfaces=lambda: [interface("eth0"), interface("eth1")])
    by = [
        bits.both(question.reach, bits.equal_masked(question.packet["in"], interface(n), -1)) for n in ("eth0", "eth2")
    ]
    assert by[0] is not False
    assert by[1] is False


@pytest.mark.parametrize(
    ("packet", "family"),
    [
        ({"src": "192.0.2.1"}, 4),
        ({"dst": "fd00::1"}, 6),
        ({"proto": "icmp"}, 4),
        ({"proto": "ipv6-icmp"}, 6),
        ({"proto": "58"}, 6),
        ({"family": "6"}, 6),
        ({"family": 4, "src": "192.0.2.1"}, 4),
        ({"proto": "tcp"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_family_of_a_packet(packet, family):
    assert family_of(packet) == family


@pytest.mark.parametrize(
    "packet",
    [{"src": "192.0.2.1", "dst": "fd00::1"}, {"family": 6, "src": "192.0.2.1"}, {"family": 5}, {"family": "six"}],
    ids=str,
)
def test_a_packet_has_one_family(packet):
    with pytest.raises(SpecError, match=r"IPv4 and IPv6|--family"):
        family_of(packet)
