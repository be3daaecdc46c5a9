"""What else ovs-ofctl, ovs-appctl and ovs-vsctl say of a bridge: rates, learned addresses, names."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ruleparse import sniff
from ruleparse.openflow.addresses import read_addresses
from ruleparse.openflow.bridges import read_bridges
from ruleparse.openflow.by_line import PATIENCE
from ruleparse.openflow.known import read_known
from ruleparse.openflow.meters import read_meters
from ruleparse.openflow.switch_database import DatabasePort, read_database
from ruleparse.openflow.table_names import read_table_names
from ruleparse.snapshot import Snapshot
from ruleparse.text import Diagnostic, Source
from ruleparse.why_bridge import BridgeAnswer, why_bridge
from tests.bridges import SIX, show

METERS = """\
OFPST_METER_CONFIG reply (OF1.3) (xid=0x2):
meter=256 kbps bands=
type=drop rate=1000

meter=1 pktps burst stats bands=
type=drop rate=100 burst_size=200

"""
METER_STATS = """\
OFPST_METER reply (OF1.3) (xid=0x2):
meter:1 flow_count:1 packet_in_count:40 byte_in_count:4000 duration:0.200s bands:
0: packet_count:12 byte_count:1200

"""
GROUP_STATS = """\
OFPST_GROUP reply (OF1.3) (xid=0x6):
 group_id=1,duration=0.263s,ref_count=1,packet_count=5,byte_count=300,bucket0:packet_count=5,byte_count=300,bucket1:packet_count=0,byte_count=0
"""
FDB = """\
 port  VLAN  MAC                Age
    3     0  02:50:d0:00:00:03    1
LOCAL     0  02:50:d0:00:00:04   12
    5     7  02:50:d0:00:00:05  static
    3     0  02:50:d0:00:00:06    1
"""
TABLES = """\
OFPST_TABLE reply (xid=0x2):
  table 0 ("Classifier"):
    active=0, lookup=0, matched=0
    max_entries=1000000
    matching:
      exact match or wildcard: in_port eth_{src,dst,type} vlan_{vid,pcp} ip_{src,dst} nw_{proto,tos} tcp_{src,dst}

  tables 1...89: ditto

  table 90 ("IngressRule"): ditto
  tables 91...253: ditto

"""
SHOW = """\
e7caf059-fe87-4a08-a6db-2622b7541794
    Bridge br-int
        Controller "tcp:127.0.0.1:6653"
            is_connected: true
        fail_mode: secure
        Port client-5f0c11
            tag: 5
            Interface client-5f0c11
        Port br-int
            Interface br-int
                type: internal
        Port "vxlan-aca80118"
            Interface "vxlan-aca80118"
                type: vxlan
                options: {in_key=flow, local_ip="172.168.1.26", out_key=flow, remote_ip="172.168.1.24"}
    ovs_version: "3.1.0"
"""
INTERFACES = """\
_uuid               : 75abbd40-41e5-4d31-bd88-8fa8eaf5c143
admin_state         : up
external_ids        : {attached-mac="02:50:d0:00:00:03", pod-name=client, pod-namespace=default}
mac_in_use          : "aa:55:aa:55:00:0e"
name                : client-5f0c11
ofport              : 3
options             : {}

_uuid               : 12fdf526-9c86-4ec7-9cb6-1d3c5ff502aa
external_ids        : {iface-id=default_nginx, iface-id-ver="6d0b"}
name                : "nginx"
ofport              : 4
"""
PORTS = """\
_uuid               : e6343124-dd0a-4c50-9317-7aceb19c6ae5
external_ids        : {}
interfaces          : [75abbd40-41e5-4d31-bd88-8fa8eaf5c143]
name                : client-5f0c11
tag                 : []
"""
BRIDGES = """\
_uuid               : f9c56ed8-f99c-47d1-b225-896993beb07e
datapath_type       : ""
external_ids        : {roundNum="3"}
name                : br-int
ports               : [21ee9070-dc90-406c-b3d2-8dc90dcd8fd5, e6343124-dd0a-4c50-9317-7aceb19c6ae5]
"""
KINDS = {
    "ovs-meters": [METERS, METER_STATS],
    "ovs-group-stats": [GROUP_STATS],
    "ovs-fdb": [FDB],
    "ovs-tables": [TABLES, TABLES.split("\n", 1)[1]],
    "ovs-vsctl": [SHOW, INTERFACES, PORTS, BRIDGES],
}


VLANS = """\
name                : one
interfaces          : [75abbd40-41e5-4d31-bd88-8fa8eaf5c143]
tag                 : 10
trunks              : []
vlan_mode           : []

name                : two
interfaces          : [75abbd40-41e5-4d31-bd88-8fa8eaf5c144]
tag                 : 20
trunks              : []
vlan_mode           : access

name                : three
interfaces          : [75abbd40-41e5-4d31-bd88-8fa8eaf5c145]
tag                 : []
trunks              : [10, 30]
vlan_mode           : []

name                : four
interfaces          : [75abbd40-41e5-4d31-bd88-8fa8eaf5c146]
tag                 : 10
trunks              : []
vlan_mode           : native-tagged

name                : five
interfaces          : [75abbd40-41e5-4d31-bd88-8fa8eaf5c147]
tag                 : 10
trunks              : [20, 30]
vlan_mode           : native-untagged
"""
NAMED = "".join(f" {n}({name}): addr:00:00:00:00:00:0{n}\n" for n, name in enumerate(
    ["one", "two", "three", "four", "five", "six"], 1))  # fmt: skip


def source(text: str) -> list[Source]:
    return [Source("saved", text)]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in KINDS.items() for text in texts])
def test_a_text_is_told_by_its_lines(kind: str, text: str):
    assert sniff.kind_of(text) == kind


def test_meters():
    found, problems = read_meters([*source(METERS), *source(METER_STATS)])
    assert problems == []
    assert [str(meter) for meter in found.values()] == [
        "meter 256 (drops above 1000 kbit/s)",
        "meter 1 (drops above 100 packets/s, bursts of 200 packets; 12 so far)",
    ]


def test_learned_addresses():
    found, problems = read_addresses(source(FDB))
    assert problems == []
    assert found == {
        (0, 0x0250D0000003): 3,
        (0, 0x0250D0000004): 0xFFFE,
        (7, 0x0250D0000005): 5,
        (0, 0x0250D0000006): 3,
    }


def test_names_of_tables():
    assert read_table_names(source(TABLES)) == ({"Classifier": 0, "IngressRule": 90}, [])


def test_interfaces_of_the_database():
    """Those of `show` by the bridge that they stand under, those of `list` by the identifiers of their ports."""
    shown = read_database(source(SHOW))
    assert (shown.diagnostics, {i.bridge for i in shown.interfaces.values()}) == ([], {"br-int"})
    assert list(shown.interfaces) == ["client-5f0c11", "br-int", "vxlan-aca80118"]
    listed = read_database([*source(BRIDGES), *source(INTERFACES), *source(PORTS)])
    assert listed.diagnostics == []
    assert [(i.name, i.bridge, i.number, i.owner) for i in listed.interfaces.values()] == [
        ("client-5f0c11", "br-int", 3, "pod default/client"),
        ("nginx", None, 4, "pod default/nginx"),
    ]


READERS: dict[str, Callable[[list[Source]], list[Diagnostic]]] = {
    "meters": lambda sources: read_meters(sources)[1],
    "learned addresses": lambda sources: read_addresses(sources)[1],
    "tables": lambda sources: read_table_names(sources)[1],
    "ovs-vsctl": lambda sources: read_database(sources).diagnostics,
    "counts of groups": lambda sources: read_known(lambda kind: sources if kind == "ovs-group-stats" else [])[1],
}


MALFORMED = ("1 2", "\x00\ud800", "{a=[", '"', "port 1 2 3", "group_id x", "table x:", "====", "Bridge", "meter 1")


@pytest.mark.parametrize("what", READERS)
@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_malformed_is_diagnosed_line_by_line(what: str, text: str):
    problems = READERS[what](source(f"{text}\n# said by nobody\n\n{text}"))
    assert [problem.span and problem.span.line for problem in problems] == [1, 4]
    assert {problem.message for problem in problems} == {f"this is not how a line of {what} goes on"}


def test_nobody_reads_on_for_ever():
    problems = read_meters(source("what?\n" * 100_000))[1]
    assert len(problems) == PATIENCE + 1
    assert problems[-1].message == f"after {PATIENCE} lines that are none of meters the rest is left out"


def test_a_band_without_a_meter():
    assert [p.message for p in read_meters(source("type=drop rate=1\n"))[1]] == ["this band stands behind no meter"]


# What they change


def answer(flows: str, packet: str, **more: Any) -> BridgeAnswer:
    texts = {kind.replace("_", "-"): source(text) for kind, text in more.items()}
    ports = source(show(SIX) if "ovs-vsctl" not in texts else "")
    return why_bridge(Snapshot(bridges=read_bridges(source(flows), [], ports, texts)), {"flow": packet})


WEB = "in_port=3,tcp,dl_src=02:50:d0:00:00:03,nw_src=10.0.0.1,nw_dst=10.0.0.2"


def test_a_question_about_a_meter_names_its_rate():
    asked = [
        a.question for o in answer("actions=meter:1,output:2", WEB, ovs_meters=METERS).outcomes for a in o.assumptions
    ]
    assert asked == ["meter 1 (drops above 100 packets/s, bursts of 200 packets) is over its rate"] * 2


@pytest.mark.parametrize(
    ("target", "ports"),
    [
        ("02:50:d0:00:00:04", [0xFFFE]),
        ("02:50:d0:00:00:06", []),  # behind the port it came in by
        ("02:50:d0:00:00:05", [1, 2, 4, 5, 6, 0xFFFE]),  # known in another VLAN only
        ("ff:ff:ff:ff:ff:ff", [1, 2, 4, 5, 6, 0xFFFE]),
    ],
)
def test_normal_forwards_to_where_an_address_was_learned(target: str, ports: list[int]):
    (outcome,) = answer("actions=NORMAL", f"{WEB},dl_dst={target}", ovs_fdb=FDB).outcomes
    assert [e.port for e in outcome.egress] == ports
    assert [a.question for a in outcome.assumptions] == ["every port carries all VLANs (tag, trunks)"]


@pytest.mark.parametrize(
    ("port", "tag", "out"),
    [  # as ofproto/trace of Open vSwitch 3.1 says
        (1, 0, {4: 10, 5: None, 6: 10, 3: 10}),
        (1, 0x100A, {}),
        (1, 0x3000, {4: 10, 5: None, 6: 10, 3: 10}),
        (2, 0, {4: 20, 5: 20, 6: 20}),
        (3, 0, {}),
        (3, 0x100A, {1: None, 4: 10, 5: None, 6: 10}),
        (3, 0x101E, {4: 30, 5: 30, 6: 30}),
        (4, 0, {1: None, 3: 10, 5: None, 6: 10}),
        (4, 0x7014, {2: None, 5: 20, 6: 20}),
        (5, 0x100A, {1: None, 3: 10, 4: 10, 6: 10}),
        (6, 0, {}),
        (6, 0x3000, {}),
        (6, 0x1014, {2: None, 4: 20, 5: 20}),
    ],
)
def test_normal_heeds_the_vlans_of_ports(port: int, tag: int, out: dict[int, int | None]):
    packet = f"in_port={port},dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x1234,vlan_tci={tag:#x}"
    bridges = read_bridges(source("actions=NORMAL"), [], source(NAMED), {"ovs-vsctl": source(VLANS)})
    (outcome,) = why_bridge(Snapshot(bridges=bridges), {"flow": packet}).outcomes
    assert {e.port: e.packet["vlan"] for e in outcome.egress} == out
    assert outcome.assumptions == []


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", ["every port carries all VLANs (tag, trunks)"]),
        (SHOW, ["the way in which ports carry VLANs (vlan_mode) is not set"]),
        (SHOW.replace("tag: 5", "mac: []"), []),
        (VLANS.replace("access", "dot1q-tunnel"), ["ports carry all VLANs: two"]),
        (
            VLANS.replace("c145]", "c145, 75abbd40-41e5-4d31-bd88-8fa8eaf5c149]"),
            ["NORMAL sends by every link of a bond, and not by one: three"],
        ),
        (
            SHOW.replace("Interface client-5f0c11", "Interface eth0\n            Interface eth1"),
            ["NORMAL sends by every link of a bond, and not by one: client-5f0c11"],
        ),
    ],
)
def test_what_nobody_saved_of_vlans_is_taken_for_granted(text: str, asked: list[str]):
    more = {"ovs-vsctl": source(text)} if text else {}
    bridges = read_bridges(source("actions=NORMAL"), [], source(NAMED), more)
    (outcome,) = why_bridge(Snapshot(bridges=bridges), {"flow": f"{WEB},dl_dst=ff:ff:ff:ff:ff:ff"}).outcomes
    assert [a.question for a in outcome.assumptions] == asked


def test_a_database_as_json():
    rows = '{{"data":[[["uuid","{}"],"client",3,["map",[["pod-name","a"],["pod-namespace","b"]]]]],"headings":{}}}'
    interfaces = rows.format("75abbd40-41e5-4d31-bd88-8fa8eaf5c143", '["_uuid","name","ofport","external_ids"]')
    ports = json.dumps(
        {
            "data": [["p", 10, ["set", [1, 2]], ["set", []], ["uuid", "75abbd40-41e5-4d31-bd88-8fa8eaf5c143"]]],
            "headings": ["name", "tag", "trunks", "vlan_mode", "interfaces"],
        }
    )
    assert {sniff.kind_of(interfaces), sniff.kind_of(ports)} == {"ovs-vsctl"}
    found = read_database(source(f"{interfaces}\n{ports}\n"))
    assert found.diagnostics == []
    assert [(i.name, i.number, i.owner) for i in found.interfaces.values()] == [("client", 3, "pod b/a")]
    assert found.ports == {"p": DatabasePort("10", ("1", "2"), "", listed=True, links=1)}


@pytest.mark.parametrize(
    "text", ['{"data":', '{"data":[[1]],"headings":[]}', '{"data":7}', '{"data":[[null]],"headings":["a"]}']
)
def test_malformed_json_is_diagnosed(text: str):
    assert [p.message for p in read_database(source(text)).diagnostics] == [
        "this is no table as ovs-vsctl -f json prints it"
    ]


def test_tables_have_the_names_of_the_switch():
    (outcome,) = answer("actions=resubmit(,90)\ntable=90, actions=drop", WEB, ovs_tables=TABLES).outcomes
    assert [step.name for step in outcome.steps] == ["Classifier", "IngressRule"]


def test_a_walk_begins_in_the_table_that_the_switch_calls_number_0():
    """Though it has no flow, and the dump begins with another."""
    (outcome,) = answer("table=IngressRule, actions=output:2", WEB, ovs_tables=TABLES).outcomes
    assert (outcome.verdict, [step.table for step in outcome.steps]) == ("drop", ["Classifier"])


def test_ports_by_the_names_of_the_database():
    """Without a list of ports: what goes out by name is known by number too."""
    flows = 'in_port="client-5f0c11" actions=output:nginx'
    (outcome,) = answer(flows, WEB, ovs_vsctl=INTERFACES).outcomes
    assert [(e.port, e.name) for e in outcome.egress] == [(4, "nginx")]
