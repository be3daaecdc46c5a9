"""What a switch really prints of itself is read whole, and what it has learned decides as it does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from corpora.vswitchd import Switch, missing, switch
from ruleparse import sniff
from ruleparse.openflow.bridges import read_bridges
from ruleparse.openflow.known import KINDS, read_known
from ruleparse.openflow.switch_database import read_database
from ruleparse.snapshot import Snapshot
from ruleparse.text import Source
from ruleparse.why_bridge import why_bridge
from tests.oracle.ovs.trace import read

LACKING = missing()
pytestmark = [pytest.mark.oracle, pytest.mark.skipif(bool(LACKING), reason=LACKING)]
PORTS = {"antrea-tun0": 1, "antrea-gw0": 2, "client-5f0c11": 3, "nginx-0": 4}
METERS = (
    "meter=1,pktps,burst,stats,bands=type=drop,rate=100,burst_size=200",
    "meter=256,kbps,bands=type=drop,rate=1000",
)
CLIENT, NGINX = "02:50:d0:00:00:03", "02:50:d0:00:00:04"
PACKET = f"in_port=3,tcp,dl_src={CLIENT},dl_dst={{}},nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tcp_dst=80"


@pytest.fixture(scope="module")
def ovs() -> Iterator[Switch]:
    with switch() as started:
        started.bridge("br-int", PORTS, {0: "Classifier", 90: "IngressRule"})
        ids = ("external_ids:pod-name=client", "external_ids:pod-namespace=default")
        started.vsctl("set", "interface", "client-5f0c11", *ids)
        for meter in METERS:
            started.ofctl("-O", "OpenFlow13", "add-meter", "br-int", meter)
        started.ofctl("-O", "OpenFlow13", "add-group", "br-int", "group_id=1,type=all,bucket=output:2,bucket=output:3")
        started.ofctl("add-flow", "br-int", "actions=NORMAL")
        started.ask("fdb/add", "br-int", "nginx-0", "0", NGINX)
        yield started


def printed(ovs: Switch, kind: str) -> list[Source]:
    """Everything of a kind that the switch says."""
    texts: dict[str, list[tuple[str, ...]]] = {
        "ovs-meters": [("dump-meters",), ("meter-stats",)],
        "ovs-tables": [("dump-table-features",), ("dump-tables",)],
        "ovs-group-stats": [("dump-group-stats",)],
        "ovs-vsctl": [("show",), *(("list", table) for table in ("bridge", "port", "interface"))],
    }
    if kind == "ovs-fdb":
        return [Source(kind, ovs.ask("fdb/show", "br-int"))]
    if kind == "ovs-vsctl":
        return [Source(kind, ovs.vsctl(*words)) for words in texts[kind]]
    return [Source(kind, ovs.ofctl("-O", "OpenFlow15", *words, "br-int")) for words in texts[kind]]


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_told(ovs: Switch, kind: str):
    assert {sniff.kind_of(source.text) for source in printed(ovs, kind)} == {kind}


def test_texts_are_read(ovs: Switch):
    known, problems = read_known(lambda kind: printed(ovs, kind))
    database = read_database(printed(ovs, "ovs-vsctl"))
    assert [*problems, *database.diagnostics] == []
    assert known.meter(1) == "meter 1 (drops above 100 packets/s, bursts of 200 packets; 0 so far)"
    assert known.meter(256) == "meter 256 (drops above 1000 kbit/s; 0 so far)"
    assert known.addresses == {(0, 0x0250D0000004): 4}
    assert known.tables == {"Classifier": 0, "IngressRule": 90}
    interfaces = {i.name: i.number for i in database.interfaces.values() if i.bridge == "br-int"}
    assert interfaces == PORTS | {"br-int": 65534}
    assert database.interfaces["client-5f0c11"].owner == "pod default/client"


@pytest.mark.parametrize("target", [CLIENT, NGINX, "02:50:d0:00:00:99", "ff:ff:ff:ff:ff:ff"])
def test_normal_forwards_as_the_switch_does(ovs: Switch, target: str):
    packet = PACKET.format(target)
    flows, ports = (Source(what, ovs.ofctl("-O", "OpenFlow15", what, "br-int")) for what in ("dump-flows", "show"))
    bridges = read_bridges([flows], [], [ports], {"ovs-fdb": printed(ovs, "ovs-fdb")})
    (outcome,) = why_bridge(Snapshot(bridges=bridges), {"flow": packet}).outcomes
    by_datapath = {int(there): int(here) for here, there in re.findall(r" (\d+)/(\d+): ", ovs.ask("dpif/show"))}
    traced = read(ovs.ask("ofproto/trace", "br-int", packet)).outputs
    assert sorted(e.port for e in outcome.egress if e.port) == sorted(by_datapath[output.port] for output in traced)


VLANS = {"a": ("tag=10",), "b": ("tag=20",), "t": ("trunks=10,30",), "n": ("tag=10", "vlan_mode=native-tagged"),
         "u": ("tag=10", "trunks=20,30", "vlan_mode=native-untagged"), "q": ()}  # fmt: skip
TAGS = ("0", "0x100a", "0x1014", "0x1000", "0x3000", "0x7014", "0x101e")
TARGETS = ("02:00:00:00:00:02", "02:00:00:00:00:03", "02:00:00:00:00:09", "ff:ff:ff:ff:ff:ff")


@pytest.mark.parametrize("listing", [("list", "port"), ("-f", "json", "list", "port")], ids=["list", "json"])
def test_normal_heeds_vlans_as_the_switch_does(ovs: Switch, listing: tuple[str, ...]):
    ovs.bridge("br-vlan", {name: number for number, name in enumerate(VLANS, 1)})
    for name, settings in VLANS.items():
        ovs.vsctl("--", "set", "port", name, "mac=[]", *settings)
    ovs.ofctl("add-flow", "br-vlan", "actions=NORMAL")
    ovs.ask("fdb/add", "br-vlan", "q", "10", TARGETS[0])
    ovs.ask("fdb/add", "br-vlan", "a", "10", TARGETS[1])
    flows, ports = (Source(what, ovs.ofctl("-O", "OpenFlow15", what, "br-vlan")) for what in ("dump-flows", "show"))
    more = {"ovs-fdb": [Source("fdb", ovs.ask("fdb/show", "br-vlan"))], "ovs-vsctl": [Source("p", ovs.vsctl(*listing))]}
    saved = Snapshot(bridges=read_bridges([flows], [], [ports], more))
    of_bridge = ovs.ask("dpif/show").partition("br-vlan:")[2].partition("\n  br-")[0]
    by_datapath = {int(there): int(here) for here, there in re.findall(r" (\d+)/(\d+): ", of_bridge)}
    packets = [
        f"in_port={port},dl_src=02:00:00:00:00:01,dl_dst={target},dl_type=0x1234,vlan_tci={tag}"
        for port in (*range(1, 7), "LOCAL")
        for tag in TAGS
        for target in TARGETS
    ]
    traced, answered = {}, {}
    for packet in packets:
        (outcome,) = why_bridge(saved, {"flow": packet}).outcomes
        assert outcome.assumptions == []
        answered[packet] = sorted(e.port for e in outcome.egress if e.port)
        outputs = read(ovs.ask("ofproto/trace", "br-vlan", packet)).outputs
        traced[packet] = sorted(by_datapath[output.port] for output in outputs)
    ovs.delete("br-vlan")
    assert answered == traced
