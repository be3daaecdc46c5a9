"""Tunnels at the egress: which overlay, to which node."""

import pytest

from ruleparse.codec import address
from ruleparse.report.why_json import why_json
from ruleparse.routing import read_routing
from ruleparse.routing.read_neighbour import read_forwarding, read_neighbours
from ruleparse.snapshot import load
from ruleparse.sniff import kind_of
from ruleparse.text import Source
from ruleparse.why import why
from tests.places import CORPORA

FLANNEL = CORPORA / "kube-proxy-flannel"
VXLAN = "vxlan id 1 local 192.168.10.11 dev eth0 srcport 0 0 dstport 8472 nolearning ttl auto"
NEIGHBOURS = """\
192.168.10.1 dev eth0 lladdr 52:54:00:00:00:01 REACHABLE
192.168.10.9 dev eth0  FAILED
10.244.2.0 dev flannel.1 lladdr 5a:93:ac:01:02:03 PERMANENT
fe80::1 dev eth0 lladdr 52:54:00:00:00:01 router STALE
"""
FORWARDING = """\
33:33:00:00:00:01 dev eth0 self permanent
5a:93:ac:01:02:03 dev flannel.1 dst 192.168.10.22 self permanent
5a:93:ac:01:02:04 dev veth5a3c10 vlan 1 master cni0 permanent
"""


def overlay(kind, next_hop="10.244.2.0", name="flannel.1", family=4, **texts):
    link = f"4: {name}: <BROADCAST,UP> mtu 1450 qdisc noqueue state UNKNOWN mode DEFAULT group default\n"
    given = {
        "ip-link": f"{link}    link/ether 0e:5f:3a:21:7c:9d brd ff:ff:ff:ff:ff:ff promiscuity 0\n    {kind}\n",
        **texts,
    }
    routing = read_routing({k.replace("_", "-"): [Source(k, text)] for k, text in given.items()})
    assert routing.diagnostics == []
    return routing.overlay(name, family, None if next_hop is None else address(next_hop))


@pytest.mark.parametrize(
    ("kind", "next_hop", "expected", "settle"),
    [
        ("vxlan id 7 remote 10.0.0.2 dstport 4789", None, ("VXLAN", 7, "10.0.0.2"), None),
        ("geneve id 11 remote 192.168.43.173 dstport 6081 noudpcsum", None, ("Geneve", 11, "192.168.43.173"), None),
        ("gre remote 172.16.0.25 local 10.211.47.217 ttl 255", None, ("GRE", None, "172.16.0.25"), None),
        (
            "ipip any remote any local any ttl inherit nopmtudisc",
            "192.168.10.22",
            ("IPIP", None, "192.168.10.22"),
            None,
        ),
        ("ipip remote 10.0.0.2 local 10.0.0.1 ttl inherit", "192.168.10.22", ("IPIP", None, "10.0.0.2"), None),
        ("vxlan external id 0 srcport 0 0 dstport 4789", "10.244.2.0", ("VXLAN", 0, None), None),
        ("wireguard addrgenmode none", "10.244.2.0", ("WireGuard", None, None), "wg show flannel.1"),
        (VXLAN, "10.244.2.0", ("VXLAN", 1, None), "ip neigh; bridge fdb"),
    ],
)
def test_the_other_end(kind, next_hop, expected, settle):
    found = overlay(kind, next_hop)
    assert (found.kind, found.number, found.to) == expected
    assert found.settle == settle


def test_a_veth_is_no_overlay():
    assert overlay("veth numtxqueues 1") is None


def test_the_end_of_a_vxlan_is_behind_the_ethernet_address_of_the_next_hop():
    assert overlay(VXLAN, ip_neigh=NEIGHBOURS, bridge_fdb=FORWARDING).to == "192.168.10.22"
    assert overlay(VXLAN, "10.244.3.0", ip_neigh=NEIGHBOURS, bridge_fdb=FORWARDING).to is None
    assert overlay(VXLAN, ip_neigh=NEIGHBOURS).settle == "bridge fdb"


def test_frames_that_go_to_several_nodes_go_to_none_in_particular():
    flooded = FORWARDING + "5a:93:ac:01:02:03 dev flannel.1 dst 192.168.10.23 self permanent\n"
    assert overlay(VXLAN, ip_neigh=NEIGHBOURS, bridge_fdb=flooded).to is None


def test_texts_are_known_by_their_content():
    assert kind_of(NEIGHBOURS) == "ip-neigh"
    assert kind_of(FORWARDING) == "bridge-fdb"
    assert kind_of("10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink \n") == "ip-route"


@pytest.mark.parametrize("read", [read_neighbours, read_forwarding])
def test_what_is_wrong_is_said(read):
    assert [d.name for d in read(Source("x", "what is this\n")).diagnostics] == ["syntax"]
    assert read(Source("x", "\n# a comment\n")).diagnostics == []


def test_why_tells_the_node(tmp_path):
    (tmp_path / "neigh").write_text(NEIGHBOURS)
    (tmp_path / "fdb").write_text(FORWARDING)
    packet = {"in": "cni0", "src": "10.244.1.5", "dst": "10.244.2.7", "proto": "tcp", "dport": 80}
    (outcome,) = why_json(why(load([FLANNEL, tmp_path]), packet))["outcomes"]
    assert outcome["egress"] == "flannel.1"
    expected = {"interface": "flannel.1", "kind": "VXLAN", "number": 1, "to": "192.168.10.22", "settle": None}
    assert outcome["overlay"] == expected
