"""The packet of --flow and the states of --ct-next: what ofproto/trace 3.1 takes, and what it refuses."""

import re

import pytest

from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import PORTS
from ruleparse.openflow.ports import LOCAL, Port, Ports
from ruleparse.openflow.trace_flow import read_ct_state, read_trace_flow

TAGGED = 0x1000
TAKEN = {
    "in_port=1": {"in_port": 1},
    "in_port=p2,tcp": {"in_port": 2, "dl_type": 0x800, "nw_proto": 6},
    'in_port="p2"': {"in_port": 2},
    "in_port=local": {"in_port": LOCAL},
    "in_port=4294967294": {"in_port": LOCAL},
    "in_port=99": {"in_port": 99},
    "ip": {"in_port": PORTS["NONE"], "dl_type": 0x800, "nw_ttl": 0},
    "tcp in_port=1\tnw_ttl=3": {"in_port": 1, "nw_ttl": 3},
    "tcp  , in_port=1,": {"in_port": 1, "nw_proto": 6},
    "eth_type=0x800,ip_proto=6,tp_dst=80": {"nw_proto": 6, "tp_dst": 80},
    "tcp,nw_src=10.0.0.1/32": {"nw_src": 0x0A000001},
    "arp,arp_spa=10.0.0.1,arp_op=1": {"nw_src": 0x0A000001, "nw_proto": 1},
    "icmp6,icmpv6_type=135,nd_target=fe80::1": {"tp_src": 135, "nd_target": 0xFE80 << 112 | 1},
    "ip6,ipv6_label=5": {"dl_type": 0x86DD, "ipv6_label": 5},
    "tcp,tcp_flags=syn|ack": {"tcp_flags": 0x12},
    "tcp,tcp_flags=0x2": {"tcp_flags": 2},
    "ip,nw_frag=later": {"nw_frag": 3},
    "ip,nw_tos=32,nw_ecn=1": {"nw_tos": 33},
    "dl_vlan=5,dl_vlan_pcp=3": {"vlan_tci": 3 << 13 | TAGGED | 5},
    "dl_vlan=0xffff": {"vlan_tci": 0},
    "dl_vlan=4096": {"vlan_tci": TAGGED},
    "dl_vlan_pcp=3": {"vlan_tci": 3 << 13 | TAGGED},
    "vlan_vid=5": {"vlan_tci": 5},
    "xreg0=5,xxreg1=7": {"reg0": 0, "reg1": 5, "reg7": 7},
    "ct_state=new|trk,ct_mark=5": {"ct_state": 0x21, "ct_mark": 5},
}


@pytest.mark.parametrize("text", TAKEN)
def test_taken(text):
    values = read_trace_flow(text, six_ports())
    assert {name: values.get(flow(name), 0) for name in TAKEN[text]} == TAKEN[text]


REFUSED = {
    "": "empty",
    "foo=1,tcp": "foo is not a field",
    "priority=5,tcp": "priority is not a field",
    "tcp actions=drop": "actions is not a field",
    "in_port=nosuch": "no port nosuch",
    "in_port=1,in_port=2": "in_port is given twice",
    "nw_src=10.0.0.1,ip": "nw_src: the packet has no such field",
    "nw_ttl=64,ip": "nw_ttl: the packet has no such field",
    "udp,tp_dst=80": "is udp_dst meant?",
    "icmp6,icmp_type=128": "is icmpv6_type meant?",
    "arp,nw_src=10.0.0.1": "is arp_spa meant?",
    "icmp,tp_src=8": "tp_src: the packet has no such field",
    "udp,nw_frag=later,udp_dst=80": "udp_dst: the packet has no such field",
    "vlan_pcp=3": "vlan_pcp: the packet has no such field",
    "ip,tcp": "the Ethernet type is given already",
    "tcp,nw_proto=17": "nw_proto is given twice",
    "tcp,tcp_dst=80,tcp_dst=81": "tcp_dst is given twice",
    "tcp,tcp_dst=99999": "does not fit",
    "tcp,tcp_dst=http": "not a number",
    "tcp,tcp_dst=": "tcp_dst takes a value",
    "tcp,nw_src=10.0.0.0/8": "has no masks",
    "reg0=0x5/0xf": "has no masks",
    "tcp,tcp_flags=+syn-ack": "has no masks",
    "ct_state=+trk+new": "has no masks",
    "ip,ip_frag=yes": "has no masks",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text):
    with pytest.raises(ValueError, match=re.escape(REFUSED[text])):
        read_trace_flow(text, six_ports())


def test_a_port_that_nobody_saved_may_be_named():
    ports = Ports()
    assert read_trace_flow("in_port=veth7", ports)[flow("in_port")] == ports.number("veth7")


STATES = {"trk": 0x20, "trk,new": 0x21, " trk , est rpl": 0x2A, "trk,inv": 0x30, "trk,dnat": 0xA0, "": 0}


@pytest.mark.parametrize("text", STATES)
def test_states(text):
    assert read_ct_state(text) == STATES[text]


@pytest.mark.parametrize(
    "text", ["new", "snat", "trk,new,est", "trk,new,rpl", "trk,inv,est", "+trk+new", "0x21", "NEW"]
)
def test_states_that_there_are_not(text):
    with pytest.raises(ValueError, match=r"trk|is not one of"):
        read_ct_state(text)


def six_ports() -> Ports:
    ports = Ports()
    for number in range(1, 7):
        ports.add(Port(number, f"p{number}", True))
    ports.add(Port(LOCAL, "br0", True))
    return ports
