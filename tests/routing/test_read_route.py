"""`ip route`, read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruleparse.codec import address, show_prefix
from ruleparse.routing.model import Hop, Route
from ruleparse.routing.read_route import read
from ruleparse.routing.shapes import LineParser
from ruleparse.text import Source


def routes(text, name="ip-route.txt", **hints):
    found = read(Source(name, text), **hints)
    assert [d.render() for d in found.diagnostics] == []
    return found.routes


def one(text):
    (route,) = routes(text)
    return route


def told(route: Route) -> str:
    """A route in the words of these tests."""
    hops = " | ".join(
        " ".join(filter(None, [f"via {h.gateway:x}" if h.gateway else None, h.out, *sorted(h.flags)]))
        for h in route.hops
    )
    return f"{route.family} {route.type} {show_prefix(route.destination)} {route.table} {route.metric} [{hops}]"


ROWS = [
    ("default via 10.0.0.1 dev eth0", "4 unicast 0.0.0.0/0 main 0 [via a000001 eth0]"),
    ("default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.5 metric 100 ",
     "4 unicast 0.0.0.0/0 main 100 [via a000001 eth0]"),
    ("10.1.0.0/16 dev cni0  proto kernel  scope link  src 10.1.0.1 ", "4 unicast 10.1.0.0/16 main 0 [cni0]"),
    ("10.2.0.0/24 via 10.2.0.0 dev flannel.1 onlink", "4 unicast 10.2.0.0/24 main 0 [via a020000 flannel.1 onlink]"),
    ("10.3.0.1 dev cali1 scope link linkdown", "4 unicast 10.3.0.1/32 main 0 [cali1 linkdown]"),
    ("blackhole 10.4.0.0/26 proto 80", "4 blackhole 10.4.0.0/26 main 0 []"),
    ("unreachable default table 7", "4 unreachable 0.0.0.0/0 7 0 []"),
    ("throw 10.0.0.0/8 table calico", "4 throw 10.0.0.0/8 calico 0 []"),
    ("local 10.0.0.5 dev eth0 table local proto kernel scope host src 10.0.0.5", "4 local 10.0.0.5/32 local 0 [eth0]"),
    ("broadcast 10.0.0.255 dev eth0 table 255 scope link src 10.0.0.5", "4 broadcast 10.0.0.255/32 local 0 [eth0]"),
    ("default via inet6 fe80::1 dev eth0", "4 unicast 0.0.0.0/0 main 0 [via fe800000000000000000000000000001 eth0]"),
    ("default via inet 10.0.0.1 dev eth0 metric 9", "6 unicast ::/0 main 9 [via a000001 eth0]"),
    ("default via fe80::1 dev eth0 proto ra metric 100 expires 1700sec mtu 1500 hoplimit 64 pref medium",
     "6 unicast ::/0 main 100 [via fe800000000000000000000000000001 eth0]"),
    ("fd00::/64 dev eth0 proto kernel metric 256 pref medium", "6 unicast fd00::/64 main 256 [eth0]"),
    ("unreachable default dev lo table unspec proto kernel metric 4294967295 error -101",
     "6 unreachable ::/0 unspec 4294967295 [lo]"),
    ("unreachable default dev lo  table unspec  proto none  metric -1  error -101 hoplimit 255",
     "6 unreachable ::/0 unspec 4294967295 [lo]"),
    ("10.5.0.0/16 metric 5\n\tnexthop via 10.0.0.1 dev eth0 weight 2 \n\tnexthop via 10.0.0.2 dev eth1 dead linkdown",
     "4 unicast 10.5.0.0/16 main 5 [via a000001 eth0 | via a000002 eth1 dead linkdown]"),
    ("default proto static \\\tnexthop via 10.0.0.1 dev eth0 weight 1 \\\tnexthop dev ppp0 weight 1 ",
     "4 unicast 0.0.0.0/0 main 0 [via a000001 eth0 | ppp0]"),
    ("10.6.0.0/16  encap ip id 100 src 10.0.0.1 dst 10.9.9.9 ttl 0 tos 0 via 10.0.0.9 dev tun0 scope link",
     "4 unicast 10.6.0.0/16 main 0 [via a000009 tun0]"),
    ("10.7.0.0/16 nhid 30 encap mpls  100/200 via 10.0.0.9 dev eth0",
     "4 unicast 10.7.0.0/16 main 0 [via a000009 eth0]"),
    ("10.8.0.0/16 dev eth0 realm 1/2 mtu lock 1400 advmss 1360 rto_min lock 200ms brandnew 7",
     "4 unicast 10.8.0.0/16 main 0 [eth0]"),
    ("10.9.0.0/16 tos 0x10 dev eth0", "4 unicast 10.9.0.0/16 main 0 [eth0]"),
    ("0.0.0.0         10.0.0.1        0.0.0.0         UG    100    0        0 eth0",
     "4 unicast 0.0.0.0/0 main 100 [via a000001 eth0]"),
    ("10.1.0.0        0.0.0.0         255.255.0.0     U     0      0        0 cni0",
     "4 unicast 10.1.0.0/16 main 0 [cni0]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ROWS)
def test_a_route(text, expected):
    assert told(one(text + "\n")) == expected


@pytest.mark.parametrize(("text", "expected"), ROWS)
def test_a_route_from_a_windows_clipboard(text, expected):
    assert told(one(text.replace("\n", "\r\n") + "\r\n")) == expected


def test_what_else_a_route_says():
    route = one("10.8.0.0/16 dev eth0 src 10.8.0.1 realm 1/2 tos 0x10 mtu lock 1400 brandnew 7 proto bird\n")
    assert (route.source, route.realm, route.tos) == (address("10.8.0.1"), 0x10002, 0x10)
    assert (route.proto, route.attributes["mtu"]) == ("bird", "1400")
    assert "brandnew" in route.attributes
    assert "7" in route.attributes


def test_weights_and_the_place_of_a_route():
    text = (
        "# ip route\n10.5.0.0/16\n\tnexthop via 10.0.0.1 dev eth0 weight 3\n\tnexthop via 10.0.0.2 dev eth1 weight 1\n"
    )
    route = one(text)
    assert [h.weight for h in route.hops] == [3, 1]
    assert route.span is not None
    assert route.span.line == 2
    assert route.span.text.endswith("weight 1")


def test_the_family_of_a_bare_default_is_that_of_its_neighbours():
    text = "fd00::/64 dev tun0 metric 256\ndefault dev tun0 metric 1024\n"
    assert [r.family for r in routes(text)] == [6, 6]
    text = "default dev tun0 metric 50\n10.0.0.0/8 dev eth0\n"
    assert [r.family for r in routes(text)] == [4, 4]


def test_a_lone_default_takes_the_hint():
    assert [r.family for r in routes("default dev tun0 metric 50\n", family_hint=6)] == [6]


def test_all_tables_are_known_of_families_that_print_some():
    text = "default via 10.0.0.1 dev eth0\nlocal 10.0.0.5 dev eth0 table local\nfd00::/64 dev eth0 metric 256\n"
    found = read(Source("x", text))
    assert found.complete == {4}
    assert found.tables == {(4, "main"), (4, "local"), (6, "main")}


def test_the_only_table_of_a_text():
    local = "local 127.0.0.1 dev lo proto kernel scope host src 127.0.0.1\n"
    assert [r.table for r in routes(local)] == ["local"]
    assert [r.table for r in routes("default dev eth0\n", "ip-route-show-table-500.txt")] == ["500"]
    assert [r.table for r in routes("default dev eth0\n", "ip_route_show_table_all")] == ["main"]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("10.0.0.0/8 via nonsense dev eth0", 16, "this is not how a route goes on"),
        ("10.0.0.0/8 dev", 12, "this is not how a route goes on"),
        ("10.0.0.0/40 dev eth0", 1, "/40 is longer than an address"),
        ("10.0.0.0.0/8 dev eth0", 1, "'10.0.0.0.0' is not an address"),
        ("hello world", 1, "this line is not one of `ip route`"),
        ("10.0.0.0/8 dev eth0 metric lots", 1, "metric"),
        ("10.0.0.0/8 dev an-interface-with-a-long-name", 1, "longer than 15 bytes"),
    ],
)
def test_bad_lines_are_told_and_others_kept(text, column, message):
    found = read(Source("x", f"default dev eth0\n{text}\n10.9.0.0/16 dev eth1\n"))
    assert [told(r) for r in found.routes] == [
        "4 unicast 0.0.0.0/0 main 0 [eth0]",
        "4 unicast 10.9.0.0/16 main 0 [eth1]",
    ]
    (problem,) = found.diagnostics
    assert problem.severity == "error"
    assert message in problem.message
    assert problem.span is not None
    assert (problem.span.line, problem.span.column) == (2, column)


def test_a_dump_that_broke_off_says_so():
    (problem,) = read(Source("x", "default dev eth0\nDump terminated\n")).diagnostics
    assert (problem.name, problem.severity) == ("incomplete-dump", "warning")


def test_strange_bytes_survive():
    (route,) = read(Source.from_bytes("x", b"10.0.0.0/8 dev \xff\xfe proto \xc3\x28\n")).routes
    assert route.hops == (Hop("\udcff\udcfe"),)


NAMES = st.text("abcdefghij0123456789.-_", min_size=1, max_size=15)
NUMBERS = st.integers(0, 9999).map(str)
ADDRESSES = st.integers(0, 0xFFFFFFFF).map(lambda n: f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}")
WORDS = st.one_of(
    st.tuples(st.just("dev"), NAMES),
    st.tuples(st.just("via"), ADDRESSES),
    st.tuples(st.sampled_from(["metric", "mtu", "weight"]), NUMBERS),
    st.tuples(st.sampled_from(["proto", "scope", "table", "src"]), st.one_of(NAMES, ADDRESSES)),
    st.tuples(st.sampled_from(["onlink", "linkdown", "cache", "unheard-of"])),
)
LINES = st.tuples(
    st.sampled_from(["", "local ", "unreachable "]), ADDRESSES, st.lists(WORDS, max_size=5)
).map(lambda parts: parts[0] + parts[1] + "".join(" " + " ".join(words) for words in parts[2]))  # fmt: skip


@given(st.lists(LINES, min_size=2, max_size=12))
def test_replaying_a_shape_is_parsing_the_line(lines):
    values = frozenset({"DESTINATION", "ADDRESS", "VALUE", "ENCAP"})
    remembering = LineParser("ip_route", "route", values)
    for line in lines:
        assert remembering.parse(line) == LineParser("ip_route", "route", values).parse(line)


# Several nodes in one file, and an analyst's own list
NOT_IP_ROUTE = ("eks-aews-", "sefl-b77-")


def test_real_dumps_are_read(shared_data):
    dumps = shared_data / "dumps"
    index = [json.loads(line) for line in (dumps / "INDEX.jsonl").read_text().splitlines()]
    whole = [row["file"] for row in index if row["kind"] == "ip-route" and row["complete"]]
    assert len(whole) > 50
    for file in whole:
        found = read(Source.from_path(dumps / file))
        if not file.split("/")[1].startswith(NOT_IP_ROUTE):
            assert [d.render() for d in found.diagnostics if d.severity == "error"] == []
        assert found.routes or file.split("/")[1].startswith(NOT_IP_ROUTE)
