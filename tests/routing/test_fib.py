"""The table "fib": policy rules and routes, looked up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruleparse.codec import ALL_ONES, Prefix, interface, prefix_mask
from ruleparse.evaluate import walk
from ruleparse.packet import Packet, Unknowns
from ruleparse.program import Set
from ruleparse.routing.fib import fib_tables
from ruleparse.routing.lookup import lookup_tables
from ruleparse.routing.model import Hop, Interfaces, Route, Routes
from ruleparse.routing.route_rules import Lookup
from ruleparse.routing.sysctl import Settings
from tests.routes import found, node, packet, route, words

STANDARD = """
    0:      from all lookup local
    32766:  from all lookup main
    32767:  from all lookup default
"""
LOCAL = """
    local 10.0.0.5 dev eth0 table local scope host src 10.0.0.5
    broadcast 10.0.0.255 dev eth0 table local scope link src 10.0.0.5
    local 127.0.0.0/8 dev lo table local scope host src 127.0.0.1
"""


def look_up(routes, dst, rules=STANDARD, **fields):
    return route(node(route=routes + LOCAL, rule=rules).tables(4), 4, dst=dst, **fields)


MAIN = """
    default via 10.0.0.1 dev eth0 src 10.0.0.5
    10.0.0.0/24 dev eth0 scope link src 10.0.0.5
    10.1.0.0/16 via 10.0.0.9 dev eth0
    10.1.2.0/24 dev cni0 scope link
    10.1.2.64/26 via 10.0.0.8 dev eth0 metric 20
    10.1.2.64/26 dev cali0 scope link metric 10
    10.1.2.66 dev cali1 scope link
    blackhole 10.2.0.0/16
    unreachable 10.3.0.0/16
    prohibit 10.4.0.0/16
    throw 10.5.0.0/16
"""


@pytest.mark.parametrize(
    ("dst", "expected"),
    [
        ("10.0.0.5", "local dev eth0 src 10.0.0.5"),
        ("10.0.0.255", "broadcast dev eth0 src 10.0.0.5"),
        ("127.9.9.9", "local dev lo src 127.0.0.1"),
        ("10.0.0.7", "unicast dev eth0 src 10.0.0.5"),
        ("10.1.9.9", "unicast dev eth0 via 10.0.0.9"),
        ("10.1.2.3", "unicast dev cni0"),
        ("10.1.2.65", "unicast dev cali0"),
        ("10.1.2.66", "unicast dev cali1"),
        ("10.2.0.1", "blackhole"),
        ("10.3.0.1", "unreachable"),
        ("10.4.0.1", "prohibit"),
        ("10.5.0.1", "none"),
        ("192.0.2.1", "unicast dev eth0 via 10.0.0.1 src 10.0.0.5"),
    ],
)
def test_the_longest_prefix_and_the_smallest_metric_win(dst, expected):
    assert look_up(MAIN, dst) == expected


def test_a_longer_route_that_is_dead_gives_way():
    routes = "10.1.0.0/16 dev eth0\n    10.1.2.0/24 dev eth1 dead linkdown\n"
    assert look_up(routes, "10.1.2.3") == "unicast dev eth0"


def test_interfaces_without_carrier():
    routes = node(route="default dev eth0\n10.1.0.0/16 dev eth1 linkdown\n" + LOCAL, rule=STANDARD)
    asked = packet(dst="10.1.2.3")
    walk(routes.tables(4), "fib", asked)
    assert [q for q, _ in asked.unknowns.assumptions] == ["routes by eth1, which has no carrier, are ignored"]
    for value, out in (("0", "eth1"), ("1", "eth0")):
        saved = f"net.ipv4.conf.eth1.ignore_routes_with_linkdown = {value}\n"
        tables = node(route="default dev eth0\n10.1.0.0/16 dev eth1 linkdown\n" + LOCAL, rule=STANDARD, sysctl=saved)
        assert route(tables.tables(4), 4, dst="10.1.2.3") == f"unicast dev {out}"


def test_a_tos_of_its_own_comes_first():
    routes = "10.1.0.0/16 dev eth0\n    10.1.0.0/16 tos 0x10 dev eth1 metric 5\n"
    assert look_up(routes, "10.1.2.3", tos=0x10) == "unicast dev eth1"
    assert look_up(routes, "10.1.2.3", tos=0) == "unicast dev eth0"


def test_a_gateway_of_the_other_family_is_no_next_hop():
    tables = node(route="default via inet6 fe80::1 dev eth0\n" + LOCAL, rule=STANDARD).tables(4)
    (end,) = found(tables, "fib", dst="192.0.2.1").ends
    assert end.packet["route_gateway"] == end.packet["dst"]


def test_realms():
    (end,) = found(
        node(route="default dev eth0 realm 7\n" + LOCAL, rule=STANDARD).tables(4), "fib", dst="192.0.2.1"
    ).ends
    assert end.packet["route_realm"] == 7


# Policy rules

TABLES = """
    default via 10.0.0.1 dev eth0
    10.1.0.0/16 dev cni0
    default via 10.9.0.1 dev eth1 table 7
    unreachable default table 8
    throw 10.1.0.0/16 table 9
    default dev eth2 table 9
"""


@pytest.mark.parametrize(
    ("rule", "fields", "expected"),
    [
        ("from all lookup 7", {}, "unicast dev eth1 via 10.9.0.1"),
        ("from 10.8.0.0/16 lookup 7", {"src": "10.8.1.1"}, "unicast dev eth1 via 10.9.0.1"),
        ("from 10.8.0.0/16 lookup 7", {"src": "10.7.1.1"}, "unicast dev eth0 via 10.0.0.1"),
        ("from all to 192.0.2.0/24 lookup 7", {}, "unicast dev eth1 via 10.9.0.1"),
        ("from all fwmark 0x10/0xf0 lookup 7", {"mark": 0x1F}, "unicast dev eth1 via 10.9.0.1"),
        ("from all fwmark 0x10/0xf0 lookup 7", {"mark": 0x2F}, "unicast dev eth0 via 10.0.0.1"),
        ("not from all fwmark 0x10/0xf0 lookup 7", {"mark": 0x2F}, "unicast dev eth1 via 10.9.0.1"),
        ("from all iif eth5 lookup 7", {"route_in": "eth5"}, "unicast dev eth1 via 10.9.0.1"),
        ("from all iif eth5 lookup 7", {}, "unicast dev eth0 via 10.0.0.1"),
        ("from all iif lo lookup 7", {}, "unicast dev eth1 via 10.9.0.1"),
        ("from all iif lo lookup 7", {"route_in": "eth5"}, "unicast dev eth0 via 10.0.0.1"),
        ("from all oif eth1 lookup 7", {}, "unicast dev eth0 via 10.0.0.1"),
        ("not from all oif eth1 lookup 7", {}, "unicast dev eth1 via 10.9.0.1"),
        ("from all uidrange 0-99 lookup 7", {"local": 1, "uid": 5}, "unicast dev eth1 via 10.9.0.1"),
        ("from all uidrange 1-99 lookup 7", {"local": 1, "uid": 100}, "unicast dev eth0 via 10.0.0.1"),
        ("from all uidrange 0-99 lookup 7", {"route_in": "eth5"}, "unicast dev eth1 via 10.9.0.1"),
        ("from all uidrange 1-99 lookup 7", {"route_in": "eth5"}, "unicast dev eth0 via 10.0.0.1"),
        ("from all ipproto tcp dport 80-90 lookup 7", {"proto": 6, "dport": 85}, "unicast dev eth1 via 10.9.0.1"),
        ("from all ipproto tcp dport 80-90 lookup 7", {"proto": 17, "dport": 85}, "unicast dev eth0 via 10.0.0.1"),
        ("from all tos 0x10 lookup 7", {"tos": 0x12}, "unicast dev eth1 via 10.9.0.1"),
        ("from all lookup 8", {}, "unreachable"),
        ("from all prohibit", {}, "prohibit"),
        ("from all nop", {}, "unicast dev eth0 via 10.0.0.1"),
        ("from all lookup 9", {}, "unicast dev eth2"),
        ("from all lookup 9", {"dst": "10.1.0.1"}, "unicast dev cni0"),
        ("from all lookup 10", {}, "unicast dev eth0 via 10.0.0.1"),
        ("from all lookup 7 suppress_prefixlength 0", {}, "unicast dev eth0 via 10.0.0.1"),
        ("from all lookup 8 suppress_prefixlength 0", {}, "unreachable"),
        ("from all lookup main suppress_prefixlength 0", {"dst": "10.1.0.1"}, "unicast dev cni0"),
        ("from all goto 32767", {}, "none"),
        ("from all goto 300 [unresolved]", {}, "unicast dev eth0 via 10.0.0.1"),
    ],
)
def test_policy_rules(rule, fields, expected):
    rules = STANDARD.replace("32766:", f"100: {rule}\n    32766:", 1)
    assert look_up(TABLES, **{"dst": "192.0.2.1", "rules": rules, **fields}) == expected


def test_suppressed_interfaces():
    link = "2: eth0: <UP> mtu 1500 qdisc mq state UP mode DEFAULT group 7 qlen 1000\n"
    rules = STANDARD.replace("32766:  from all lookup main", "32766:  from all lookup main suppress_ifgroup 7")
    tables = node(route=TABLES + LOCAL, rule=rules, link=link).tables(4)
    assert route(tables, 4, dst="192.0.2.1") == "none"
    assert route(tables, 4, dst="10.1.0.1") == "unicast dev cni0"


def test_goto_leads_to_rules_and_their_rest():
    rules = """
        0:      from all lookup local
        10:     from all fwmark 0x1 goto 30
        20:     from all lookup 7
        30:     from all fwmark 0x1 lookup 10
        40:     from all lookup 9
        32766:  from all lookup main
    """
    assert look_up(TABLES, "192.0.2.1", rules, mark=1) == "unicast dev eth2"
    assert look_up(TABLES, "192.0.2.1", rules, mark=0) == "unicast dev eth1 via 10.9.0.1"


def test_ipv4_looks_local_and_main_up_as_one_until_a_rule_is_added():
    routes = "local 10.1.0.0/16 dev lo table local\n    10.1.2.0/24 dev cni0\n"
    assert look_up(routes, "10.1.2.3") == "unicast dev cni0"
    assert look_up(routes, "10.1.3.3") == "local dev lo"
    refused = "prohibit 10.1.2.0/24 table local metric 10\n    " + routes
    assert look_up(refused, "10.1.2.3") == "prohibit"
    with_a_rule = STANDARD.replace("32766:", "100: from all fwmark 0x7 lookup 7\n    32766:", 1)
    assert look_up(routes, "10.1.2.3", with_a_rule) == "local dev lo"


def test_selectors_that_are_not_followed_are_told():
    routing = node(route=TABLES + LOCAL, rule="0: from all lookup local\n9: from all tun_id 7 lookup 7\n")
    routing.tables(4)
    assert [(d.name, d.span and d.span.line) for d in routing.notes] == [("unsupported-rule", 2)]


# Several next hops

TWO_WAYS = """
    default
            nexthop via 10.0.0.1 dev eth0 weight 3
            nexthop via 10.0.0.2 dev eth1 weight 1
"""


def test_next_hops_are_a_choice_by_weight():
    tables = node(route=TWO_WAYS + LOCAL, rule=STANDARD).tables(4)
    asked = packet(dst="192.0.2.1")
    walk(tables, "fib", asked)
    ((key, (_, question)),) = asked.unknowns.assumptions.items()
    assert question.question == "packets to 0.0.0.0/0 leave via 10.0.0.1 by eth0, one of 2 next hops"
    assert question.probability == 0.75
    answers = [walk(tables, "fib", packet(dst="192.0.2.1"), {key: yes}).ends[0].packet for yes in (1, 0)]
    assert [words(a, 4) for a in answers] == ["unicast dev eth0 via 10.0.0.1", "unicast dev eth1 via 10.0.0.2"]


@pytest.mark.parametrize(("came_in", "out"), [("eth0", "eth0"), ("eth1", "eth1"), ("eth9", "eth0")])
def test_any_next_hop_is_a_way_back(came_in, out):
    tables = node(route=TWO_WAYS + LOCAL, rule=STANDARD).tables(4)
    asked = packet(dst="192.0.2.1", in_=came_in)
    (end,) = walk(tables, "reverse fib", asked).ends
    assert not asked.unknowns.assumptions
    assert words(end.packet, 4).startswith(f"unicast dev {out}")


# IPv6

SIX = """
    local ::1 dev lo table local proto kernel metric 0 pref medium
    local fd00::5 dev eth0 table local proto kernel metric 0 pref medium
    anycast fd00:: dev eth0 table local proto kernel metric 0 pref medium
    multicast ff00::/8 dev eth0 table local proto kernel metric 256 pref medium
    multicast ff00::/8 dev cni0 table local proto kernel metric 256 pref medium
    fd00::/64 dev eth0 proto kernel metric 256 pref medium
    fd00:1::/64 dev cni0 metric 1024 pref medium
    fd00:1::/64 dev eth0 metric 512 pref medium
    fe80::/64 dev eth0 proto kernel metric 256 pref medium
    fe80::/64 dev cni0 proto kernel metric 256 pref medium
    unreachable fd00:2::/32 dev lo metric 1024 pref medium
    default via fe80::1 dev eth0 metric 1024 pref medium
"""
STANDARD6 = "0: from all lookup local\n    32766: from all lookup main\n"


@pytest.mark.parametrize(
    ("dst", "came_in", "expected"),
    [
        ("::1", "", "local dev lo"),
        ("::1", "lo", "local dev lo"),
        ("::1", "cni0", "none"),
        ("fd00::5", "cni0", "local dev eth0"),
        ("fd00::", "", "anycast dev eth0"),
        ("fd00::9", "", "unicast dev eth0"),
        ("fd00:1::9", "", "unicast dev eth0"),
        ("fd00:2::9", "", "unreachable"),
        ("2001:db8::1", "cni0", "unicast dev eth0 via fe80::1"),
        ("fe80::9", "", "unicast dev eth0"),
        ("fe80::9", "cni0", "unicast dev cni0"),
        ("fe80::9", "eth7", "none"),
        ("ff02::1", "cni0", "multicast dev cni0"),
        ("ff02::1", "eth7", "none"),
    ],
)
def test_ipv6(dst, came_in, expected):
    tables = node(route6=SIX, rule6=STANDARD6).tables(6)
    assert route(tables, 6, dst=dst, route_in=came_in) == expected


def test_equal_ipv6_routes_prefer_the_interface_the_packet_came_in_by():
    routes = SIX.replace("metric 512", "metric 1024")
    tables = node(route6=routes, rule6=STANDARD6).tables(6)
    assert route(tables, 6, dst="fd00:1::9", route_in="eth0") == "unicast dev eth0"
    assert route(tables, 6, dst="fd00:1::9", route_in="eth7") == "unicast dev cni0"
    high = routes.replace("fd00:1::/64 dev cni0 metric 1024 pref medium", "fd00:1::/64 dev cni0 metric 1024 pref high")
    tables = node(route6=high, rule6=STANDARD6).tables(6)
    assert route(tables, 6, dst="fd00:1::9", route_in="eth0") == "unicast dev cni0"


def test_equal_ipv6_gateways_are_a_choice():
    routes = SIX + "    default via fe80::2 dev eth0 metric 1024 pref medium\n"
    asked = packet(dst="2001:db8::1")
    walk(node(route6=routes, rule6=STANDARD6).tables(6), "fib", asked)
    assert [q.probability for _, q in asked.unknowns.assumptions.values()] == [0.5]


# What was not saved

ADDR = """
    1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default
        link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
        inet 127.0.0.1/8 scope host lo
    2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP group default
        link/ether 02:42:b9:00:00:01 brd ff:ff:ff:ff:ff:ff
        inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0
        inet 10.0.0.6/24 scope global secondary eth0
        inet6 fd00::5/64 scope global
        inet6 fd00::6/64 scope global tentative
    3: down0: <BROADCAST,MULTICAST> mtu 1500 qdisc mq state DOWN group default
        link/ether 02:42:b9:00:00:02 brd ff:ff:ff:ff:ff:ff
        inet 10.7.0.5/24 brd 10.7.0.255 scope global down0
"""


def questions(tables, **fields):
    """What a lookup asks, in order, and the packet after it."""
    asked = packet(**fields)
    (end,) = walk(tables, "fib", asked).ends
    return [words for words, _ in asked.unknowns.assumptions], end.packet


def test_without_any_dump_everything_is_asked():
    tables = node().tables(4)
    asked, after = questions(tables, dst="10.1.2.4")
    assert asked == ["the address is one of this node's", "there is a route to the address from this node"]
    assert not isinstance(after["route_out"], int)
    assert "a broadcast" in questions(tables, dst="10.1.2.255")[0][1]
    assert route(tables, 4, dst="127.0.0.1") == "local dev lo"
    assert route(node().tables(6), 6, dst="::1") == "local dev lo"


def test_unknown_interfaces_differ_by_destination():
    tables = node().tables(4)
    unknowns = Unknowns()
    outs = []
    for dst in (0x0A010204, 0x0A010208, 0x0A010204):
        asked = packet(dst=dst)
        after = walk(tables, "fib", Packet(asked.values, unknowns)).ends[0].packet
        outs.append(after["route_out"])
    assert outs[0] == outs[2] != outs[1]


@pytest.mark.parametrize(
    ("dst", "expected"),
    [
        ("10.0.0.5", "local dev eth0 src 10.0.0.5"),
        ("10.0.0.6", "local dev eth0 src 10.0.0.6"),
        ("10.0.0.255", "broadcast dev eth0 src 10.0.0.5"),
        ("10.7.0.5", "local dev down0 src 10.7.0.5"),
        ("10.7.0.255", "unicast dev eth0"),
        ("127.0.0.9", "local dev lo"),
        ("192.0.2.1", "unicast dev eth0"),
    ],
)
def test_addresses_make_up_for_table_local(dst, expected):
    routing = node(route="default dev eth0\n", addr=ADDR)
    assert route(routing.tables(4), 4, dst=dst) == expected
    assert [d.severity for d in routing.notes] == ["note"] * 2  # for table local and table default


def test_ipv6_addresses_make_up_for_table_local():
    tables = node(route6="default dev eth0 metric 1024 pref medium\n", addr=ADDR).tables(6)
    assert route(tables, 6, dst="fd00::5") == "local dev eth0"
    assert route(tables, 6, dst="fd00::6") == "unicast dev eth0"
    assert route(tables, 6, dst="ff02::1") == "multicast dev eth0"


def test_addresses_alone_leave_the_rest_open():
    tables = node(addr=ADDR).tables(4)
    assert route(tables, 4, dst="10.0.0.5") == "local dev eth0 src 10.0.0.5"
    assert questions(tables, dst="10.1.2.4")[0] == ["there is a route to the address from this node"]


def test_a_table_that_was_not_saved_is_asked_for():
    rules = STANDARD.replace("32766:", "100: from all fwmark 0x7 lookup 7\n    32766:", 1)
    tables = node(route="default dev eth0\n", addr=ADDR, rule=rules).tables(4)
    assert questions(tables, dst="10.1.2.4", mark=7)[0] == ["there is a route to the address in table 7"]
    assert questions(tables, dst="10.1.2.4", mark=0)[0] == []


# Any table

OUTS = ["eth0", "eth1", "eth2"]


@st.composite
def routes_of(draw, family):
    """Routes whose prefixes overlap."""
    size = 32 if family == 4 else 128
    rows: list[Route] = []
    for _ in range(draw(st.integers(0, 12))):
        mask = prefix_mask(draw(st.sampled_from([0, 4, 8, 12, 16, 20, 24, 28, size])), family)
        value = draw(st.integers(0, 7)) << (size - 4) | draw(st.integers(0, 3)) << (size - 16) | draw(st.integers(0, 3))
        kind = draw(st.sampled_from(["unicast", "unicast", "local", "blackhole", "throw"]))
        metric = draw(st.integers(0, 3)) * 100 + len(rows)  # no two alike
        hops = (Hop(draw(st.sampled_from(OUTS))),)
        rows.append(Route(family, kind, Prefix(value & mask, mask, family), "main", hops, metric))
    return rows


def naively(routes, dst):
    """The longest prefix, then the smallest metric."""
    fit = [r for r in routes if dst & r.destination.mask == r.destination.value]
    best = min(fit, key=lambda r: (-r.destination.mask, r.metric), default=None)
    return (None, None) if best is None or best.type == "throw" else (best.type, best.hops[0].out)


def by_tables(tables, name, dst):
    (end,) = walk(tables, name, packet(dst=dst)).ends
    found = words(end.packet, 4).split()
    kind, out = found[0], found[2] if "dev" in found else None
    return (None, None) if end.stop.verdict == "not found" or kind == "none" else (kind, out)


@given(st.sampled_from([4, 6]).flatmap(lambda family: st.tuples(st.just(family), routes_of(family))), st.data())
def test_a_table_is_looked_up_as_its_definition_says(table, data):
    family, routes = table
    size = 32 if family == 4 else 128
    dst = (
        data.draw(st.integers(0, 7)) << (size - 4)
        | data.draw(st.integers(0, 3)) << (size - 16)
        | data.draw(st.integers(0, 3))
    )
    tables = lookup_tables("t", routes, Lookup(family, Settings()))
    kind, out = by_tables(tables, "t", dst)
    expected = naively(routes, dst)
    assert (kind, out) == ((expected[0], None) if expected[0] == "blackhole" else expected)


def test_large_tables_are_trees():
    """No lookup may have to try ten thousand routes."""
    rows = [
        Route(4, "unicast", Prefix(10 << 24 | n, ALL_ONES[4], 4), "main", (Hop(f"cali{n}"),), 0) for n in range(10_000)
    ]
    rows.append(Route(4, "unicast", Prefix(0, 0, 4), "main", (Hop("eth0"),), 0))
    tables = lookup_tables("t", rows, Lookup(4, Settings()))
    assert max(len(t.rules) for t in tables.values()) <= 257
    assert by_tables(tables, "t", 10 << 24 | 7777) == ("unicast", "cali7777")
    assert by_tables(tables, "t", 11 << 24 | 7777) == ("unicast", "eth0")


@given(routes_of(4), st.integers(0, 7), st.integers(0, 3), st.integers(0, 3))
def test_an_unknown_destination_at_a_point_is_that_point(routes, top, middle, low):
    dst = top << 28 | middle << 16 | low
    tables = fib_tables(4, Routes(routes, frozenset({(4, "main")}), frozenset({4})), None, Interfaces()).tables
    unknown = packet()
    unknown = Packet({k: v for k, v in unknown.values.items() if k != "dst"}, Unknowns(sizes={"dst": 32}))
    after = [(e.when, e.packet) for e in walk(tables, "fib", unknown).ends]
    bits = unknown.unknowns.field("dst")
    (point,) = walk(tables, "fib", packet(dst=dst)).ends
    for when, symbolic in after:
        if at(when, bits, dst):
            for name in ("route_type", "route_out"):
                assert value_at(symbolic[name], bits, dst) == point.packet[name]


def at(condition, bits, value):
    """A condition on the bits of a number, where the number is known."""
    if isinstance(condition, bool):
        return condition
    levels = sorted((b.node_level(), i) for i, b in enumerate(bits))
    return condition.eval([(level, bool(value >> i & 1)) for level, i in levels])


def value_at(number, bits, value):
    return number if isinstance(number, int) else sum(1 << i for i, b in enumerate(number) if at(b, bits, value))


def test_rows_of_a_table_keep_their_place():
    tables = node(route=MAIN + LOCAL, rule=STANDARD).tables(4)
    walked = walk(tables, "fib", packet(dst="10.1.2.66"))
    (last,) = [hit.rule for hit in walked.hits if hit.rule.span is not None and "dev" in hit.rule.span.text]
    assert last.span is not None
    assert last.span.text.startswith("10.1.2.66 dev cali1")
    assert Set("route_out", interface("cali1")) in last.actions
