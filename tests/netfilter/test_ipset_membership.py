"""Whether a packet is in a set."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ruleparse.netfilter.fields  # noqa: F401
from ruleparse.codec import address, interface, mac, show_address
from ruleparse.netfilter.ipset import contains, read_sets
from ruleparse.packet import FIELDS, Packet, Unknowns
from ruleparse.text import Source

TCP, UDP, ICMP, ICMP6, GRE, SCTP = 6, 17, 1, 58, 47, 132


class Asks:
    """A world in which every question is only noted."""

    def __init__(self):
        self.questions = []

    def ask(self, question, about=None):
        self.questions.append((question.question, about))
        return False


def packet(**fields):
    values = {
        "proto": TCP,
        **dict.fromkeys(("src", "dst", "sport", "dport", "in", "out", "mark", "src_mac", "dst_mac"), 0),
    }
    values |= {"icmp_type": 0, "icmp_code": 0}
    for name, value in fields.items():
        if isinstance(value, str):
            if name in ("src", "dst"):
                value = address(value)
            else:
                value = mac(value) if name.endswith("mac") else interface(value)
        values[name.rstrip("_")] = value
    return Packet(values)


def member(text, directions, family=4, name="s", world=None, **fields):
    found, problems = read_sets([Source("ipset.txt", text)])
    assert problems == []
    result = contains(found[name], directions.split(","), family, packet(**fields), world or Asks(), found)
    return "nomatch" if result.nomatch and not result.matched else bool(result.matched)


def create(type_, *members, options="family inet"):
    return f"create s {type_} {options}\n" + "".join(f"add s {m}\n" for m in members)


ROWS = [
    # addresses
    (create("hash:ip", "10.0.0.1"), "src", {"src": "10.0.0.1"}, True),
    (create("hash:ip", "10.0.0.1"), "src", {"dst": "10.0.0.1"}, False),
    (create("hash:ip", "10.0.0.1"), "dst", {"dst": "10.0.0.1"}, True),
    (create("hash:ip", "10.0.0.1"), "dst,src", {"dst": "10.0.0.1"}, True),
    (create("hash:ip", "10.0.0.4/30"), "src", {"src": "10.0.0.6"}, True),
    (create("hash:ip", "10.0.0.3-10.0.0.6"), "src", {"src": "10.0.0.6"}, True),
    (create("hash:ip", "10.0.0.3-10.0.0.6"), "src", {"src": "10.0.0.7"}, False),
    (create("hash:ip", "10.0.0.1 timeout 3"), "src", {"src": "10.0.0.1"}, True),
    (create("hash:ip", "10.0.1.0", options="family inet netmask 24"), "src", {"src": "10.0.1.77"}, True),
    (create("hash:ip", "10.0.2.0", options="family inet bitmask 255.0.255.0"), "src", {"src": "10.9.2.7"}, True),
    (create("hash:ip", "10.0.2.0", options="family inet bitmask 255.0.255.0"), "src", {"src": "10.9.3.7"}, False),
    (create("bitmap:ip", "10.0.3.0", options="range 10.0.0.0-10.0.255.255 netmask 24"), "src",
     {"src": "10.0.3.9"}, True),
    (create("bitmap:ip", "10.0.0.7", options="range 10.0.0.0-10.0.0.255"), "src", {"src": "10.0.0.7"}, True),
    # networks
    (create("hash:net", "10.0.0.0/8"), "src", {"src": "10.9.9.9"}, True),
    (create("hash:net", "10.0.0.0/8", "10.1.0.0/16 nomatch"), "src", {"src": "10.1.9.9"}, "nomatch"),
    (create("hash:net", "10.0.0.0/8", "10.1.0.0/16 nomatch"), "src", {"src": "10.2.9.9"}, True),
    (create("hash:net", "10.0.0.0/8", "10.1.0.0/16 nomatch", "10.1.1.0/24"), "src", {"src": "10.1.1.9"}, True),
    (create("hash:net", "10.0.0.0/8 comment \"nomatch\""), "src", {"src": "10.1.1.9"}, True),
    (create("hash:net", "10.0.0.0-10.0.0.5"), "src", {"src": "10.0.0.5"}, True),
    (create("hash:net,net", "10.0.0.0/8,10.1.0.0/16"), "src,dst", {"src": "10.9.9.9", "dst": "10.1.1.1"}, True),
    (create("hash:net,net", "10.0.0.0/8,10.1.0.0/16"), "src", {"src": "10.9.9.9", "dst": "10.1.1.1"}, False),
    (create("hash:net,net", "10.0.0.0/8,10.1.0.0/16"), "src,src", {"src": "10.1.9.9", "dst": "10.9.1.1"}, True),
    (create("hash:net,net", "10.0.0.0/8,0.0.0.0/0", "0.0.0.0/0,10.1.1.0/24 nomatch"), "src,dst",
     {"src": "10.9.9.9", "dst": "10.1.1.1"}, True),
    (create("hash:net,net", "0.0.0.0/0,10.0.0.0/8", "10.0.0.0/8,10.1.1.0/24 nomatch"), "src,dst",
     {"src": "10.9.9.9", "dst": "10.1.1.1"}, "nomatch"),
    # ports
    (create("hash:ip,port", "10.0.0.1,tcp:80"), "src,dst", {"src": "10.0.0.1", "dport": 80}, True),
    (create("hash:ip,port", "10.0.0.1,80"), "src,dst", {"src": "10.0.0.1", "dport": 80}, True),
    (create("hash:ip,port", "10.0.0.1,tcp:80"), "src,src", {"src": "10.0.0.1", "dport": 80}, False),
    (create("hash:ip,port", "10.0.0.1,tcp:80"), "src,dst", {"src": "10.0.0.1", "dport": 80, "proto": UDP}, False),
    (create("hash:ip,port", "10.0.0.1,udp:5000-5100"), "src,dst",
     {"src": "10.0.0.1", "dport": 5099, "proto": UDP}, True),
    (create("hash:ip,port", "10.0.0.1,sctp:80"), "src,dst", {"src": "10.0.0.1", "dport": 80, "proto": SCTP}, True),
    (create("hash:ip,port", "10.0.0.1,icmp:8/0"), "src,dst",
     {"src": "10.0.0.1", "proto": ICMP, "icmp_type": 8, "icmp_code": 0}, True),
    (create("hash:ip,port", "10.0.0.1,icmp:host-prohibited"), "src,src",
     {"src": "10.0.0.1", "proto": ICMP, "icmp_type": 3, "icmp_code": 10}, True),
    (create("hash:ip,port", "10.0.0.1,gre:0"), "src,dst", {"src": "10.0.0.1", "proto": GRE}, True),
    (create("hash:ip,port", "10.0.0.1,200:0"), "src,dst", {"src": "10.0.0.1", "proto": 200}, True),
    (create("hash:ip,port", "10.0.0.1,tcp:80"), "src,dst", {"src": "10.0.0.1", "dport": 80, "fragment": 5}, False),
    (create("hash:ip,port", "10.0.0.1,gre:0"), "src,dst", {"src": "10.0.0.1", "proto": GRE, "fragment": 5}, True),
    (create("hash:ip,port", "10.0.0.1,tcp:80"), "src,dst",
     {"src": "10.0.0.1", "dport": 80, "transport_length": 19}, False),
    (create("hash:ip,port", "10.0.0.1,udp:80"), "src,dst",
     {"src": "10.0.0.1", "dport": 80, "proto": UDP, "transport_length": 8}, True),
    (create("hash:ip,port,ip", "10.0.0.1,tcp:80,10.0.0.2"), "src,dst,dst",
     {"src": "10.0.0.1", "dst": "10.0.0.2", "dport": 80}, True),
    (create("hash:ip,port,ip", "10.0.0.1,tcp:80,10.0.0.2"), "src,dst,src",
     {"src": "10.0.0.1", "dst": "10.0.0.2", "dport": 80}, False),
    (create("hash:ip,port,net", "10.0.0.1,tcp:80,10.2.0.0/16"), "src,dst,dst",
     {"src": "10.0.0.1", "dst": "10.2.9.2", "dport": 80}, True),
    (create("hash:net,port", "10.0.0.0/8,tcp:80", "10.1.0.0/16,tcp:80 nomatch"), "src,dst",
     {"src": "10.1.0.1", "dport": 80}, "nomatch"),
    (create("hash:net,port", "10.0.0.0/8,tcp:80", "10.1.0.0/16,tcp:81 nomatch"), "src,dst",
     {"src": "10.1.0.1", "dport": 80}, True),
    (create("hash:net,port,net", "10.0.0.0/8,tcp:80,10.2.0.0/16"), "src,dst,dst",
     {"src": "10.7.0.1", "dst": "10.2.9.2", "dport": 80}, True),
    (create("bitmap:port", "80", options="range 0-65535"), "dst", {"dport": 80}, True),
    (create("bitmap:port", "80", options="range 0-65535"), "dst", {"dport": 80, "proto": UDP}, True),
    (create("bitmap:port", "80", options="range 0-65535"), "dst", {"dport": 80, "proto": SCTP}, False),
    (create("bitmap:port", "80", options="range 0-65535"), "src", {"dport": 80}, False),
    (create("bitmap:port", "80-90", options="range 0-65535"), "dst", {"dport": 86}, True),
    # marks, Ethernet addresses, interfaces
    (create("hash:ip,mark", "10.0.0.1,0x12", options="family inet markmask 0x000000ff"), "src,src",
     {"src": "10.0.0.1", "mark": 0xF12}, True),
    (create("hash:ip,mark", "10.0.0.1,0x12"), "src,src", {"src": "10.0.0.1", "mark": 0xF12}, False),
    (create("hash:mac", "AA:BB:CC:DD:EE:0F", options=""), "src", {"src_mac": "aa:bb:cc:dd:ee:0f"}, True),
    (create("hash:mac", "AA:BB:CC:DD:EE:0F", options=""), "dst", {"dst_mac": "aa:bb:cc:dd:ee:0f"}, True),
    (create("hash:mac", "AA:BB:CC:DD:EE:0F", options=""), "src", {"src_mac": "aa:bb:cc:dd:ee:0f", "local": 1}, False),
    (create("hash:ip,mac", "10.0.0.1,AA:BB:CC:DD:EE:0F"), "src,src",
     {"src": "10.0.0.1", "src_mac": "aa:bb:cc:dd:ee:0f"}, True),
    (create("bitmap:ip,mac", "10.0.0.1", options="range 10.0.0.0/24"), "src,src",
     {"src": "10.0.0.1", "src_mac": "aa:bb:cc:dd:ee:0f"}, True),
    (create("bitmap:ip,mac", "10.0.0.1,AA:BB:CC:DD:EE:0E", options="range 10.0.0.0/24"), "src,src",
     {"src": "10.0.0.1", "src_mac": "aa:bb:cc:dd:ee:0f"}, False),
    (create("hash:net,iface", "10.0.0.0/8,eth0"), "src,src", {"src": "10.0.0.1", "in_": "eth0"}, True),
    (create("hash:net,iface", "10.0.0.0/8,eth0"), "src,dst", {"src": "10.0.0.1", "in_": "eth0"}, False),
    (create("hash:net,iface", "10.0.0.0/8,eth0"), "dst,dst", {"dst": "10.0.0.1", "out": "eth0"}, True),
    (create("hash:net,iface", "10.0.0.0/8,eth0", "10.0.0.0/8,eth1"), "src,src",
     {"src": "10.0.0.1", "in_": "eth1"}, True),
    (create("hash:net,iface", "10.0.0.0/8,eth1", "10.0.0.0/24,eth0"), "src,src",
     {"src": "10.0.0.1", "in_": "eth1"}, False),
    (create("hash:net,iface", "10.0.0.0/8,eth1", "10.0.0.0/24,eth0"), "src,src",
     {"src": "10.1.0.1", "in_": "eth1"}, True),
    (create("hash:net,iface", "10.0.0.0/8,eth1", "10.0.0.0/24,eth1 nomatch"), "src,src",
     {"src": "10.0.0.1", "in_": "eth1"}, "nomatch"),
    (create("hash:net,iface", "0.0.0.0/0,eth0"), "src,src", {"src": "10.0.0.1", "in_": "eth0"}, True),
    (create("hash:net,iface", "10.0.0.0/8,cali wildcard"), "src,src", {"src": "10.0.0.1", "in_": "cali12"}, True),
    (create("hash:net,iface", "10.0.0.0/8,cali wildcard"), "src,src", {"src": "10.0.0.1", "in_": "cal"}, False),
    (create("hash:net,iface", "10.0.0.0/8,physdev:eth0"), "src,src", {"src": "10.0.0.1", "in_": "eth0"}, False),
    (create("hash:net,iface", "10.0.0.0/8,eth0"), "src,src", {"src": "10.0.0.1"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "directions", "fields", "expected"), ROWS)
def test_membership(text, directions, fields, expected):
    assert member(text, directions, **fields) == expected


@pytest.mark.parametrize(("text", "directions", "fields", "expected"), ROWS)
def test_membership_of_an_unknown_packet(text, directions, fields, expected):
    """What holds of all packets, at the packet of a row."""
    found, _ = read_sets([Source("ipset.txt", text)])
    known, unknowns = packet(**fields).values, Unknowns()
    given_away = {name.rstrip("_") for name in fields if FIELDS[name.rstrip("_")].default is None}
    unknown = Packet({name: value for name, value in known.items() if name not in given_away}, unknowns)
    result = contains(found["s"], directions.split(","), 4, unknown, Asks(), found)
    matched, nomatch = (value_at(each, known, unknowns) for each in result)
    assert ("nomatch" if nomatch and not matched else matched) == expected


def value_at(condition, values, unknowns):
    """A condition where the fields have these values."""
    if isinstance(condition, bool):
        return condition
    bits = (
        (bit.node_level(), values[name] >> i & 1)
        for name, all_ in unknowns.fields.items()
        for i, bit in enumerate(all_)
    )
    return condition.eval([(level, bool(value)) for level, value in bits])


SIX = [
    (create("hash:ip", "fd00::1", options="family inet6"), "src", {"src": "fd00::1"}, True),
    (create("hash:ip", "fd00::", options="family inet6 netmask 64"), "src", {"src": "fd00::77"}, True),
    (create("hash:net", "fd00::/64", options="family inet6"), "src", {"src": "fd00::77"}, True),
    (create("hash:ip,port", "fd00::1,ipv6-icmp:echo-request", options="family inet6"), "src,dst",
     {"src": "fd00::1", "proto": ICMP6, "icmp_type": 128, "icmp_code": 0}, True),
    (create("hash:ip,port", "fd00::1,icmpv6:1/4", options="family inet6"), "src,dst",
     {"src": "fd00::1", "proto": ICMP6, "icmp_type": 1, "icmp_code": 4}, True),
    (create("hash:ip,port", "fd00::1,gre:0", options="family inet6"), "src,dst",
     {"src": "fd00::1", "proto": GRE, "fragment": 5}, False),
    (create("hash:ip", "10.0.0.1"), "src", {"src": 0x0A000001}, False),
    (create("bitmap:port", "80", options="range 0-65535"), "dst", {"dport": 80}, True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "directions", "fields", "expected"), SIX)
def test_membership_of_ipv6_packets(text, directions, fields, expected):
    assert member(text, directions, family=6, **fields) == expected


def test_an_ipv6_set_holds_no_ipv4_packet():
    assert member(create("hash:ip", "::a00:1", options="family inet6"), "src", src="10.0.0.1") is False


# Lists of sets

LISTS = """\
create nets hash:net family inet
add nets 10.0.0.0/8
add nets 10.1.0.0/16 nomatch
create ports hash:ip,port family inet
add ports 10.1.0.1,tcp:80
create six hash:net family inet6
add six ::/1
create s list:set size 8
add s six
add s nets
add s ports
"""


@pytest.mark.parametrize(
    ("directions", "fields", "expected"),
    [
        ("src", {"src": "10.2.0.1"}, True),
        ("src", {"src": "11.2.0.1"}, False),
        ("src", {"src": "10.1.0.1", "dport": 80}, "nomatch"),
        ("", {"src": "10.2.0.1"}, False),
    ],
)
def test_a_list_asks_each_of_its_sets(directions, fields, expected):
    assert member(LISTS, directions, **fields) == (False if directions == "" else expected)


def test_a_list_is_matched_by_another_set_than_the_one_that_says_nomatch():
    found, _ = read_sets([Source("x", LISTS)])
    result = contains(found["s"], ["src", "dst"], 4, packet(src="10.1.0.1", dport=80), Asks(), found)
    assert result == (True, True)


# What was not saved


def test_members_that_were_not_saved_are_asked_for():
    world = Asks()
    text = "Name: s\nType: hash:ip\nHeader: family inet\nNumber of entries: 3\n"
    assert member(text, "src", world=world, src="10.0.0.1") is False
    assert world.questions == [("the packet (src) is in set s", 10 << 24 | 1)]


def test_a_set_of_a_list_that_was_not_saved_is_asked_for():
    world = Asks()
    member("create s list:set size 8\nadd s gone\n", "src", world=world, src="10.0.0.1")
    gone = "the packet (src) is in set gone"
    assert [words for words, _ in world.questions] == [gone, f"{gone} by nomatch"]


def test_members_that_cannot_be_read_leave_a_doubt():
    world = Asks()
    text = create("hash:ip", "10.0.0.1", "10.0.0.999")
    assert member(text, "src", world=world, src="10.0.0.1") is True
    assert member(text, "src", world=world, src="10.0.0.2") is False
    assert world.questions[-1] == ("the packet (src) is in set s", 10 << 24 | 2)


# Any set

low_addresses = st.integers(0, 63).map(lambda n: 10 << 24 | (n >> 4) << 16 | n & 15)
outs = st.sampled_from(["e0", "e1", "ee"])


class Net(NamedTuple):
    value: int
    length: int

    def __str__(self):
        return f"{show_address(self.value, 4)}/{self.length}"

    def holds(self, value):
        return value >> 32 - self.length == self.value >> 32 - self.length


class Port(NamedTuple):
    proto: int
    number: int

    def __str__(self):
        return f"{'tcp' if self.proto == TCP else 'udp'}:{self.number}"


networks = st.builds(
    lambda a, length: Net(a >> 32 - length << 32 - length, length),
    low_addresses,
    st.sampled_from([1, 8, 14, 16, 28, 30, 32]),
)
ports = st.builds(Port, st.sampled_from([TCP, UDP]), st.integers(0, 3))
PARTS = {"ip": low_addresses.map(lambda a: Net(a, 32)), "net": networks, "port": ports, "iface": outs}
TYPES = ["ip", "net", "ip,port", "net,net", "net,port", "ip,port,net", "net,iface", "net,port,net"]


@st.composite
def some_sets(draw):
    """Dimensions, members (parts and whether they are marked `nomatch`), and directions."""
    kinds = draw(st.sampled_from(TYPES)).split(",")
    flags = st.booleans() if "net" in kinds else st.just(False)
    members = dict(draw(st.lists(st.tuples(st.tuples(*(PARTS[k] for k in kinds)), flags), max_size=8)))
    return kinds, members, draw(st.lists(st.sampled_from(["src", "dst"]), min_size=len(kinds), max_size=len(kinds)))


def text_of(kinds, members):
    lines = [",".join(map(str, parts)) + (" nomatch" if flag else "") for parts, flag in members.items()]
    return create("hash:" + ",".join(kinds), *lines)


def naively(kinds, members, directions, fields):
    """What the kernel does, member by member: those that fit, the longest networks first."""
    read = []
    for kind, direction in zip(kinds, directions, strict=True):
        if kind in ("ip", "net"):
            read.append(fields[direction])
        elif kind == "port":
            read.append(Port(fields["proto"], fields["sport" if direction == "src" else "dport"]))
        else:
            read.append(fields["in" if direction == "src" else "out"])
    fit = [(parts, flag) for parts, flag in members.items() if all(map(fits, parts, read))]
    if "iface" in kinds:  # the longest network that holds the address decides, whatever its interface
        nearest = max((p[0].length for p in members if fits(p[0], read[0])), default=None)
        fit = [(parts, flag) for parts, flag in fit if parts[0].length == nearest]
    order = [i for i, kind in enumerate(kinds) if kind == "net"]
    best = max(fit, key=lambda row: [row[0][i].length for i in order], default=None)
    if best is None:
        return False, False
    return not best[1], best[1] if "net" in kinds else True


def fits(part, value):
    return part.holds(value) if isinstance(part, Net) else part == value


points = st.fixed_dictionaries({
    "src": low_addresses, "dst": low_addresses, "proto": st.sampled_from([TCP, UDP]), "sport": st.integers(0, 3),
    "dport": st.integers(0, 3), "in": outs, "out": outs,
})  # fmt: skip


@given(some_sets(), points)
def test_a_set_is_what_its_members_say(some, fields):
    kinds, members, directions = some
    found, _ = read_sets([Source("x", text_of(kinds, members))])
    asked = packet(**{**fields, "in_": fields["in"]})
    result = contains(found["s"], directions, 4, asked, Asks(), found)
    assert found["s"].diagnostics == []
    assert result == naively(kinds, members, directions, fields)


SIZES = {"src": 32, "dst": 32, "proto": 8, "sport": 16, "dport": 16, "in": 128, "out": 128}


@given(some_sets(), points, st.sets(st.sampled_from(sorted(SIZES)), min_size=1))
def test_an_unknown_packet_at_a_point_is_that_point(some, fields, unknown):
    kinds, members, directions = some
    found, _ = read_sets([Source("x", text_of(kinds, members))])
    known = packet(**{**fields, "in_": fields["in"]})
    unknowns = Unknowns(sizes=SIZES)
    symbolic = Packet({k: v for k, v in known.values.items() if k not in unknown}, unknowns)
    here = contains(found["s"], directions, 4, known, Asks(), found)
    anywhere = contains(found["s"], directions, 4, symbolic, Asks(), found)
    assert tuple(value_at(each, known.values, unknowns) for each in anywhere) == here
