"""`ip addr` and `ip link`, read."""

import json

import pytest

from ruleparse.codec import address, mac, show_address
from ruleparse.routing.read_interface import read
from ruleparse.text import Source

ADDR = """\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
    inet6 ::1/128 scope host proto kernel_lo
       valid_lft forever preferred_lft forever
2: eth0@if11: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP group 7 qlen 1000
    link/ether 02:42:b9:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0
    altname enp0s3
    inet 10.0.0.5/24 metric 100 brd 10.0.0.255 scope global dynamic noprefixroute eth0
       valid_lft 85522sec preferred_lft 85522sec
    inet 10.0.0.6/24 scope global secondary eth0:1
       valid_lft forever preferred_lft forever
    inet 10.9.0.1 peer 10.9.0.2/32 scope link eth0
       valid_lft forever preferred_lft forever
    inet6 fe80::1/64 scope link tentative dadfailed
       valid_lft forever preferred_lft forever
3: vxlan.calico: <BROADCAST,MULTICAST> mtu 1450 qdisc noop state DOWN group default
    link/ether 66:d2:86:fb:31:35 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 65535
    vxlan id 4096 local 10.0.0.5 dev eth0 srcport 0 0 dstport 4789 nolearning ttl auto ageing 300
4: tunl0@NONE: <NOARP,UP,LOWER_UP> mtu 1480 qdisc noqueue state UNKNOWN group default qlen 1000
    link/ipip 0.0.0.0 brd 0.0.0.0
"""


def interfaces(text):
    found = read(Source("ip-addr.txt", text))
    assert [d.render() for d in found.diagnostics] == []
    return found


def addresses(interface):
    return [f"{show_address(a.value, a.family)}/{a.length}" for a in interface.addresses]


def test_interfaces_in_order():
    lo, eth0, vxlan, tunl0 = interfaces(ADDR)
    assert [(i.index, i.name, i.peer) for i in (lo, eth0, vxlan, tunl0)] == [
        (1, "lo", None), (2, "eth0", "if11"), (3, "vxlan.calico", None), (4, "tunl0", None),
    ]  # fmt: skip
    assert (eth0.mtu, eth0.state, eth0.master, eth0.group) == (1500, "UP", "br0", "7")
    assert (eth0.mac, eth0.hardware, eth0.names) == (mac("02:42:b9:00:00:01"), "ether", ("enp0s3",))
    assert (lo.up, lo.loopback, vxlan.up, eth0.loopback) == (True, True, False, False)
    assert (vxlan.kind, vxlan.detail("id"), vxlan.detail("dstport"), vxlan.detail("none")) == (
        "vxlan",
        "4096",
        "4789",
        None,
    )
    assert (tunl0.hardware, tunl0.mac) == ("ipip", None)


def test_addresses_in_order():
    _, eth0, *_ = interfaces(ADDR)
    first, second, peer, link = eth0.addresses
    assert addresses(eth0) == ["10.0.0.5/24", "10.0.0.6/24", "10.9.0.1/32", "fe80::1/64"]
    assert (first.broadcast, first.scope, first.label) == (address("10.0.0.255"), "global", "eth0")
    assert first.flags == {"dynamic", "noprefixroute"}
    assert (second.flags, second.label, second.broadcast) == ({"secondary"}, "eth0:1", None)
    assert (peer.value, peer.peer, peer.scope) == (address("10.9.0.1"), address("10.9.0.2"), "link")
    assert link.flags == {"tentative", "dadfailed"}
    assert first.span is not None
    assert first.span.line == 10


ONE_LINE = """\
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
1: lo    inet6 ::1/128 scope host \\       valid_lft forever preferred_lft forever
2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever preferred_lft forever
"""
ONE_LINE_LINK = (
    "2: eth0@if3: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default \\    "
    "link/ether 02:42:b9:00:00:01 brd ff:ff:ff:ff:ff:ff\\    veth addrgenmode eui64 \n"
)
BRIEF = (
    "lo               UNKNOWN        127.0.0.1/8 ::1/128 \neth0@if3         UP             10.0.0.5/24 fe80::1/64 \n"
)
BRIEF_LINK = "lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP> \n"


def test_one_line_each():
    lo, eth0 = interfaces(ONE_LINE)
    assert (lo.name, addresses(lo), eth0.index, addresses(eth0)) == (
        "lo",
        ["127.0.0.1/8", "::1/128"],
        2,
        ["10.0.0.5/24"],
    )
    (eth0,) = interfaces(ONE_LINE_LINK)
    assert (eth0.name, eth0.peer, eth0.mac, eth0.kind) == ("eth0", "if3", mac("02:42:b9:00:00:01"), "veth")


def test_brief():
    lo, eth0 = interfaces(BRIEF)
    assert (lo.name, addresses(lo), eth0.name, addresses(eth0)) == (
        "lo",
        ["127.0.0.1/8", "::1/128"],
        "eth0",
        ["10.0.0.5/24", "fe80::1/64"],
    )
    assert [a.scope for i in (lo, eth0) for a in i.addresses] == ["host", "host", "global", "link"]
    (lo,) = interfaces(BRIEF_LINK)
    assert (lo.state, lo.flags, lo.mac) == ("UNKNOWN", {"LOOPBACK", "UP", "LOWER_UP"}, 0)


LINK = """\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    RX:  bytes packets errors dropped  missed   mcast
    1052420024 2127560      0       0       0       0
    TX:  bytes packets errors dropped carrier collsns
    1052420024 2127560      0       0       0       0
2: eth0: <BROADCAST,MULTICAST,UP> mtu 1500 qdisc mq master bond0 state UP mode DEFAULT group default qlen 1000
    link/ether 02:42:b9:00:00:01 brd ff:ff:ff:ff:ff:ff permaddr 02:42:b9:00:00:09
    bond_slave state ACTIVE mii_status UP
    vf 0     link/ether 00:00:00:00:00:00 brd ff:ff:ff:ff:ff:ff, spoof checking on
    alias to the switch
"""


@pytest.mark.parametrize(
    ("text", "families", "links"),
    [
        (ADDR, {4, 6}, True),
        (LINK, set(), True),
        (LINK.replace(" mode DEFAULT", ""), set(), True),
        (ONE_LINE, {4, 6}, False),
        ("1: lo: <LOOPBACK,UP> mtu 65536 qdisc noqueue \n    inet 127.0.0.1/8 scope host lo\n", {4}, False),
        ("1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN\n    link/loopback 00:00:00:00:00:00\n", {4, 6}, True),
        (BRIEF, {4, 6}, True),
    ],
)  # fmt: skip
def test_whose_addresses_were_printed(text, families, links):
    found = interfaces(text)
    assert found.families == families
    assert found.links == links


def test_details_of_a_port_are_not_its_kind():
    _, eth0 = interfaces(LINK)
    assert (eth0.kind, eth0.master) == (None, "bond0")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("    inet 10.0.0.5/24 scope global eth0\n", 1),
        ("1: lo: <UP> mtu 1\n    inet 10.0.0.500/24 scope global lo\n", 2),
        ("1: lo: <UP> mtu 1\n    inet 10.0.0.5/33 scope global lo\n", 2),
        ("1: lo: <UP> mtu 1\n    inet [PUBLIC IP] scope global lo\n", 2),
        ("1: lo: <UP> mtu 1\n;;;;\n", 2),
        ("1: lo\n", 1),
    ],
)
def test_bad_lines_are_told(text, line):
    (problem,) = read(Source("x", text)).diagnostics
    assert (problem.severity, problem.span and problem.span.line) == ("error", line)


# Several nodes in one file, addresses blacked out, and texts that are something else
NOT_IP = (
    "eks-aews-", "sefl-b77-", "tum-net-ip-addr-2015", "typical-home-user", "openstack-operation_network_ovn_lb-11",
    "k8s-installation_controller_vm-1-",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["ip-addr", "ip-link"])
def test_real_dumps_are_read(shared_data, kind):
    dumps = shared_data / "dumps"
    rows = [json.loads(line) for line in (dumps / "INDEX.jsonl").read_text().splitlines()]
    whole = [row["file"] for row in rows if row["kind"] == kind and row["complete"]]
    assert len(whole) > 50
    for file in whole:
        if not file.split("/")[1].startswith(NOT_IP):
            found = read(Source.from_path(dumps / file))
            assert [d.render() for d in found.diagnostics if d.severity == "error"] == []
            assert found.diagnostics or bool(found.families) is (kind == "ip-addr"), file
            assert all(i.index for i in found)
