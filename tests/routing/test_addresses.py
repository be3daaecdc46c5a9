"""The tables "address type", "masquerade" and "redirect"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruleparse.codec import address
from ruleparse.evaluate import walk
from ruleparse.routing import source6
from ruleparse.routing.model import ROUTE_TYPES, Address, Interface, Interfaces
from ruleparse.routing.sysctl import Settings
from tests.routes import node, packet, shown, words

# Address types

ROUTES = """
    default via 10.0.0.1 dev eth0
    10.1.0.0/16 dev cni0
    blackhole 10.2.0.0/16
    local 10.0.0.5 dev eth0 table local scope host src 10.0.0.5
    broadcast 10.0.0.255 dev eth0 table local scope link src 10.0.0.5
    local 127.0.0.0/8 dev lo table local scope host src 127.0.0.1
    local 10.9.0.0/16 dev lo table local
    10.9.1.0/24 dev cni0
    multicast 10.8.0.0/16 dev eth0 table local
    anycast 10.7.0.1 dev eth0 table local
"""


def kind_of(tables, dst, **fields):
    asked = packet(dst=dst, **fields)
    (end,) = walk(tables, "address type", asked).ends
    assert not asked.unknowns.assumptions
    return words(end.packet, 6 if ":" in dst else 4)


@pytest.mark.parametrize(
    ("dst", "expected"),
    [
        ("10.0.0.5", "local dev eth0 src 10.0.0.5"),
        ("127.1.2.3", "local dev lo src 127.0.0.1"),
        ("10.0.0.255", "broadcast dev eth0 src 10.0.0.5"),
        ("255.255.255.255", "broadcast"),
        ("0.0.0.0", "broadcast"),
        ("0.1.2.3", "unicast"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("10.8.0.1", "multicast dev eth0"),
        ("10.7.0.1", "anycast dev eth0"),
        ("10.1.0.1", "unicast"),
        ("10.2.0.1", "unicast"),
        ("192.0.2.1", "unicast"),
        ("10.9.2.1", "local dev lo"),
        ("10.9.1.1", "unicast dev cni0"),
    ],
)
def test_ipv4_address_types(dst, expected):
    assert kind_of(node(route=ROUTES).tables(4), dst) == expected


SIX = """
    local ::1 dev lo table local proto kernel metric 0 pref medium
    local fd00::5 dev eth0 table local proto kernel metric 0 pref medium
    anycast fd00:: dev eth0 table local proto kernel metric 0 pref medium
    multicast ff00::/8 dev eth0 table local proto kernel metric 256 pref medium
    fd00::/64 dev eth0 proto kernel metric 256 pref medium
    fd00:1::/64 dev cni0 metric 1024 pref medium
    fd00:3::/64 via fd00::1 dev eth0 metric 1024 pref medium
    prohibit fd00:2::/32 dev lo metric 1024 pref medium
"""


@pytest.mark.parametrize(
    ("dst", "expected"),
    [
        ("::1", "local dev lo"),
        ("fd00::5", "local dev eth0"),
        ("fd00::", "anycast dev eth0"),
        ("fd00:1::", "anycast dev cni0"),
        ("fd00:1::1", "unicast dev cni0"),
        ("fd00:3::", "unicast dev eth0 via fd00::1"),
        ("fd00:2::1", "unreachable"),
        ("2001:db8::1", "unreachable"),
        ("ff02::1", "multicast dev eth0"),
    ],
)
def test_ipv6_address_types(dst, expected):
    """The lookup is that of a packet of this node, wherever the packet at hand came from."""
    assert kind_of(node(route6=SIX).tables(6), dst, route_in="eth9", src="fd00:1::7", mark=3) == expected


def test_an_address_type_that_was_not_saved_is_asked_for():
    asked = packet(dst="10.0.0.4")
    (end,) = walk(node().tables(4), "address type", asked).ends
    assert [q for q, _ in asked.unknowns.assumptions] == ["the address is one of this node's"]
    asked = packet(dst="224.0.0.1")
    (end,) = walk(node().tables(4), "address type", asked).ends
    assert (end.packet["route_type"], asked.unknowns.assumptions) == (ROUTE_TYPES["multicast"], {})


# MASQUERADE and REDIRECT

ADDR = """
    1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default
        link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
        inet 127.0.0.1/8 scope host lo
        inet 169.254.20.10/32 scope global lo
        inet6 fd00:20::a/128 scope global
        inet6 ::1/128 scope host
    2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP group default
        link/ether 02:42:b9:00:00:01 brd ff:ff:ff:ff:ff:ff
        inet 10.0.0.9/24 scope link eth0
        inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0
        inet 10.0.0.6/24 scope global secondary eth0
        inet 10.8.0.5/16 scope global eth0
        inet 10.0.0.77/28 scope global eth0
        inet 10.8.1.5/24 scope global eth0
        inet 10.9.0.1 peer 10.99.0.2/32 scope global eth0
        inet6 fd00::6/64 scope global tentative
        inet6 fd00::7/64 scope global deprecated
        inet6 2001:db8::5/64 scope global
        inet6 fd00::5/64 scope global
        inet6 fe80::5/64 scope link
    3: cali1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP group default
        link/ether 02:42:b9:00:00:02 brd ff:ff:ff:ff:ff:ff
        inet6 fe80::ecee/64 scope link
"""


def changed(family, table, field, **fields):
    """The address that a table puts into a field, or why it drops the packet."""
    (end,) = walk(node(addr=ADDR).tables(family), table, packet(**fields)).ends
    return end.stop.reason if end.stop.verdict == "drop" else shown(end.packet[field], family)


NO_SOURCE = "MASQUERADE found no address on the interface it leaves by"


@pytest.mark.parametrize(
    ("out", "gateway", "expected"),
    [
        ("eth0", "10.0.0.1", "10.0.0.5"),
        ("eth0", "10.8.0.1", "10.8.0.5"),
        ("eth0", "10.0.0.70", "10.0.0.5"),
        ("eth0", "10.8.1.1", "10.8.0.5"),
        ("eth0", "10.99.0.2", "10.9.0.1"),
        ("eth0", "192.0.2.1", "10.0.0.5"),
        ("lo", "127.0.0.1", "169.254.20.10"),
        ("cali1", "10.1.0.7", "169.254.20.10"),
        ("gone0", "10.1.0.7", "169.254.20.10"),
    ],
)
def test_masquerade4(out, gateway, expected):
    fields = {"src": "10.1.0.9", "out": out, "route_gateway": address(gateway)}
    assert changed(4, "masquerade", "src", **fields) == expected


def test_masquerade_without_any_global_address():
    tables = node(addr="1: lo: <LOOPBACK,UP> mtu 1 qdisc noqueue\n    inet 127.0.0.1/8 scope host lo\n").tables(4)
    (end,) = walk(tables, "masquerade", packet(src="10.1.0.9", out="lo")).ends
    assert (end.stop.verdict, end.stop.reason) == ("drop", NO_SOURCE)


@pytest.mark.parametrize(
    ("out", "dst", "expected"),
    [
        ("eth0", "2001:db8:9::1", "2001:db8::5"),
        ("eth0", "fd00:9::1", "fd00::5"),
        ("eth0", "fe80::9", "fe80::5"),
        ("eth0", "::", "fe80::5"),
        ("cali1", "fe80::9", "fe80::ecee"),
        ("cali1", "ff02::1", "fe80::ecee"),
        ("cali1", "fd00:1::9", "fd00::5"),
        ("cali1", "fd00:20::9", "fd00:20::a"),
        ("cali1", "2001:db8:9::1", "2001:db8::5"),
        ("lo", "fd00::5", "fd00::5"),
        ("gone0", "2001:db8:9::1", "2001:db8::5"),
        ("gone0", "fe80::9", NO_SOURCE),
    ],
)
def test_masquerade6(out, dst, expected):
    assert changed(6, "masquerade", "src", dst=dst, out=out) == expected


NO_TARGET = "REDIRECT found no address on the interface it came in by"


@pytest.mark.parametrize(
    ("family", "came_in", "dst", "expected"),
    [
        (4, "eth0", "192.0.2.1", "10.0.0.9"),
        (4, "lo", "192.0.2.1", "127.0.0.1"),
        (4, "cali1", "192.0.2.1", NO_TARGET),
        (4, "gone0", "192.0.2.1", NO_TARGET),
        (6, "eth0", "2001:db8:9::1", "fd00::7"),
        (6, "eth0", "fe80::9", "fe80::5"),
        (6, "eth0", "ff02::1", "fe80::5"),
        (6, "eth0", "ff1e::1", "fd00::7"),
        (6, "lo", "ff12::1", "REDIRECT found no address of the right scope on the interface it came in by"),
        (6, "cali1", "2001:db8:9::1", "fe80::ecee"),
        (6, "lo", "fe80::9", "REDIRECT found no address of the right scope on the interface it came in by"),
        (6, "gone0", "2001:db8:9::1", NO_TARGET),
    ],
)
def test_redirect(family, came_in, dst, expected):
    assert changed(family, "redirect", "dst", dst=dst, in_=came_in) == expected


@pytest.mark.parametrize(("family", "expected"), [(4, "127.0.0.1"), (6, "::1")])
def test_packets_of_this_node_are_redirected_to_loopback(family, expected):
    dst = "192.0.2.1" if family == 4 else "2001:db8::1"
    assert changed(family, "redirect", "dst", dst=dst, in_="", local=1) == expected


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("table", "field"), [("masquerade", "src"), ("redirect", "dst")])
def test_unknown_addresses_stay_unknown(family, table, field):
    (end,) = walk(node().tables(family), table, packet(out="eth0", in_="eth0", dst=1)).ends
    assert not isinstance(end.packet[field], int)


# The choice of IPv6, prefix by prefix

VALUES = [
    "fd00::{}",
    "fd00:1::{}",
    "2001:db8::{}",
    "2001:db8:0:1::{}",
    "2002::{}",
    "fec0::{}",
    "fe80::{}",
    "2001:10::{}",
]
addresses6 = st.builds(
    lambda text, host, length, flags: Address(6, address(text.format(host)), 0, length, flags=frozenset(flags)),
    st.sampled_from(VALUES),
    st.integers(1, 3),
    st.sampled_from([32, 64, 96, 128]),
    st.sampled_from([(), (), ("deprecated",), ("tentative",), ("temporary",)]),
)
nodes6 = st.lists(st.lists(addresses6, max_size=3), min_size=1, max_size=3).map(
    lambda lists: Interfaces([Interface(i, f"e{i}", addresses=tuple(each)) for i, each in enumerate(lists)])
)


@given(
    nodes6, st.sampled_from([*VALUES, "ff02::{}", "ff0e::{}", "2400::{}", "2001:db8:0:1:8000::{}"]), st.integers(1, 5)
)
def test_the_choice_by_prefixes_is_the_choice(interfaces, text, host):
    dst = address(text.format(host))
    tables = source6.masquerade_tables("masquerade", interfaces, Settings())
    for out in ("e0", "e1", "elsewhere"):
        (end,) = walk(tables, "masquerade", packet(dst=dst, out=out)).ends
        chosen = None if end.stop.verdict == "drop" else end.packet["src"]
        assert chosen == naive_choice(dst, out, source6.candidates(interfaces, Settings()))


def naive_choice(dst, out, every):
    """RFC 6724, section 5, candidate by candidate."""
    on_link = source6.scope(dst) <= 2 or dst >> 120 == 0xFF
    among = [c for c in every if c.on == out] if on_link else every
    best = max(among, key=lambda c: rank(c, dst, out), default=None)
    return best and best.address.value


def rank(candidate, dst, out):
    value, length = candidate.address.value, candidate.address.length
    common = min(source6.common_bits(value, dst), length)
    return value == dst, candidate.kind(out).score(dst), common, -candidate.order
