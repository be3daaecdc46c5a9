"""Packets that cross between a bridge and the rules of its node: rows of `tables/why_whole.toml`, and what is open."""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ruleparse.attached import Attached
from ruleparse.journey import MOST_CROSSINGS, WholeAnswer, WholeOutcome, why_node
from ruleparse.node import Node
from ruleparse.report.schema import json_schema
from ruleparse.report.whole_json import whole_json
from ruleparse.report.whole_text import write_whole
from ruleparse.sessions.journey import JourneySession, why_there_and_back
from ruleparse.snapshot import Snapshot, load
from ruleparse.spec import SpecError
from ruleparse.why import Answer
from ruleparse.why_bridge import BridgeAnswer, FlowStep
from tests.places import GOLDEN, ROOT, TABLES

WALKS = tomllib.loads((TABLES / "why_whole.toml").read_text("utf-8"))["walk"]
NODE = "corpora/antrea-whole"


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@cache
def saved(*without: str) -> Snapshot:
    return load(path for path in sorted(Path(NODE).iterdir()) if path.name not in without)


def whole(node: Snapshot, spec: dict[str, Any]) -> WholeAnswer:
    found = why_node(node, spec)
    assert isinstance(found, WholeAnswer)
    return found


def leaves(outcome: WholeOutcome) -> list[str]:
    def end(p: Any, which: str) -> str:
        return f"{p[which]}:{p[f'{which[0]}port']}"

    return [f"{e.name} {end(e.packet, 'src')} > {end(e.packet, 'dst')}" for e in outcome.ends]


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk["name"])
def test_the_whole_answer(walk: dict[str, Any], golden: Callable[[str, str], None]) -> None:
    answer = whole(saved(), walk["packet"])
    text = io.StringIO()
    write_whole(answer, text, width=100)
    golden(f"why_whole/{walk['name']}.txt", text.getvalue())
    assert [leaves(o) for o in answer.outcomes] == walk["leaves"]
    assert walk.get("because", "") in ("", *answer.outcomes[0].explanation)


def test_steps_of_both_kinds_are_in_their_order() -> None:
    walk = next(walk for walk in WALKS if walk["name"] == "friend-to-service")
    outcome = whole_json(whole(saved(), walk["packet"]))["outcomes"][0]
    sides = ["bridge" if "bridge" in step else "rules" for step in outcome["steps"]]
    turns = [side for side, before in zip(sides, [None, *sides], strict=False) if side != before]
    assert turns == ["bridge", "rules", "bridge"]
    assert json.dumps(outcome["decided_by"]) == json.dumps(outcome["steps"][-1])
    assert isinstance(outcome["egress"], list)
    assert set(outcome) == set(json_schema("why-whole")["$defs"]["WholeOutcomeJson"]["properties"])


def test_where_it_leaves_by_an_interface_that_is_its_name() -> None:
    outcome = whole(saved(), WALKS[0]["packet"]).outcomes[0]
    assert (outcome.egress, outcome.packet["src"]) == ("eth0", "192.168.10.11")


def test_without_a_crossing_it_is_the_answer_of_one_side() -> None:
    there = {"in": "eth0", "src": "192.168.10.99", "dst": "192.168.10.11", "proto": "tcp", "dport": "22"}
    assert isinstance(why_node(saved(), there), Answer)
    near = "in_port=6,tcp,dl_src=02:50:d0:00:00:06,dl_dst=02:50:d0:00:00:04,nw_src=10.244.1.13,nw_dst=10.244.1.11"
    assert isinstance(why_node(saved(), {"flow": f"{near},nw_ttl=64,tcp_dst=80"}), BridgeAnswer)


def test_python_asks_the_same_way() -> None:
    found = Node(saved()).why(in_="client-5f0c11", src="10.244.1.10", dst="203.0.113.9", proto="udp", sport=7, dport=53)
    assert [o.egress for o in found.outcomes] == ["eth0"]
    session = Node(saved()).session()
    asked = {"src": "10.244.1.10", "dst": "203.0.113.9", "proto": "udp", "sport": 7, "dport": 53}
    assert [o.egress for o in session.why(in_="client-5f0c11", **asked).outcomes] == ["eth0"]


def test_what_answers_goes_back_through_both_sides() -> None:
    asked = next(walk for walk in WALKS if walk["name"] == "friend-to-service")["packet"]
    for outcome in why_there_and_back(saved(), asked).outcomes:
        (back,) = outcome.reply or ()
        assert leaves(back) == ["friend-93be27 10.96.120.8:80 > 10.244.1.13:41000"]
    (outcome,) = why_there_and_back(saved(), WALKS[0]["packet"]).outcomes
    assert [leaves(back) for back in outcome.reply or ()] == [["client-5f0c11 203.0.113.9:53 > 10.244.1.10:41000"]]
    (dropped, _) = why_there_and_back(saved(), WALKS[1]["packet"]).outcomes
    assert dropped.reply is None


def test_packets_meet_what_those_before_left_on_both_sides() -> None:
    session = JourneySession(saved())
    back = {"in": "eth0", "src": "203.0.113.9", "sport": 53, "dst": "192.168.10.11", "dport": 41000, "proto": "udp"}
    assert [o.egress for o in session.why(back).outcomes] == ["local"]
    there, again = (session.why(spec).outcomes for spec in (WALKS[0]["packet"], back | {"sport": 54}))
    assert [o.egress for o in (*there, *again)] == ["eth0", "local"]
    session = JourneySession(saved())
    session.why(WALKS[0]["packet"])
    assert [leaves(o) for o in session.why(back).outcomes] == [["client-5f0c11 203.0.113.9:53 > 10.244.1.10:41000"]]


def test_what_chance_decided_stays_decided() -> None:
    session = JourneySession(saved())
    asked = next(walk for walk in WALKS if walk["name"] == "friend-to-service")["packet"]
    assert [o.probability for o in session.why(asked).outcomes] == [0.5, 0.5]
    back = {"in": "nginx-0-8a41d2", "src": "10.244.1.11", "dst": "10.244.1.13", "proto": "tcp", "tcp_flags": "SYN,ACK"}
    answers = session.why(back | {"sport": 80, "dport": 41000}).outcomes
    assert [(o.verdict, o.probability) for o in answers] == [("accept", 0.5), ("drop", 0.5)]


def test_connections_have_to_be_told_apart() -> None:
    with pytest.raises(SpecError, match="--sport"):
        JourneySession(saved()).why({k: v for k, v in PACKET.items() if k != "sport"})


PACKET = {"in": "eth0", "src": "192.168.10.99", "dst": "10.244.1.10", "proto": "udp", "sport": "1", "dport": "2"}


@pytest.mark.parametrize(
    ("without", "change", "told"),
    [
        (("ip-neigh.txt",), {}, "bridge br-int passes it on, which depends on the Ethernet address of the next hop"),
        ((), {"sport": None}, "bridge br-int passes it on, which depends on --sport"),
    ],
)
def test_what_a_bridge_would_have_to_know_is_no_guess(without, change, told) -> None:
    (outcome,) = whole(saved(*without), {k: v for k, v in (PACKET | change).items() if v}).outcomes
    assert (outcome.egress, [a.question for a in outcome.assumptions]) == ("antrea-gw0", [told])


def test_who_sends_from_a_pod_is_told_or_asked_for() -> None:
    asked = {"in": "client-5f0c11", "src": "10.244.1.10", "dst": "203.0.113.9", "proto": "udp", "dport": "53"}
    told = [a.question for a in whole(saved(), asked).outcomes[0].assumptions]
    gateway = "its sender addresses it to 0e:5a:12:c0:41:9d, its gateway antrea-gw0 (--dst-mac)"
    assert told == ["its source port is 40000 (--sport)", gateway]
    with pytest.raises(SpecError, match="say --src-mac"):
        why_node(saved("ip-neigh.txt"), asked)
    with pytest.raises(SpecError, match="say --dport"):
        why_node(saved(), {k: v for k, v in asked.items() if k != "dport"})
    by_hand = asked | {"sport": "7", "src_mac": "02:50:d0:00:00:03", "dst_mac": "0e:5a:12:c0:41:9d"}
    assert not whole(saved("ip-neigh.txt"), by_hand).outcomes[0].assumptions


def test_without_interfaces_it_is_an_assumption_which_port_is_internal() -> None:
    node = saved("ip-link.txt", "ip-addr.txt")
    asked = {"flow": WALKS[-1]["packet"]["flow"]}
    told = [a.question for a in whole(node, asked).outcomes[0].assumptions]
    assert "antrea-gw0 is an internal port of bridge br-int" in told


def test_to_and_fro_comes_to_an_end(tmp_path: Path) -> None:
    node = round_and_round(tmp_path)
    answer = whole(
        node, {"flow": "in_port=1,udp,dl_dst=02:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.9.9.9,nw_ttl=64,udp_dst=1"}
    )
    assert not answer.complete
    assert [d.name for d in answer.diagnostics if d.name == "endless-crossing"] == ["endless-crossing"]
    crossed = [isinstance(step, FlowStep) for step in answer.outcomes[0].steps]
    assert crossed.count(True) == MOST_CROSSINGS // 2 + 1


def round_and_round(folder: Path) -> Snapshot:
    """A bridge that gives back to the host what the host sends into it."""
    texts = {
        "flows.txt": "table=0 actions=load:0->NXM_OF_IN_PORT[],mod_dl_dst:02:00:00:00:00:02,output:2\n",
        "ports.txt": "".join(f" {n}: addr:02:00:00:00:00:02\n     config:     0\n" for n in ("1(pod)", "2(gw0)")),
        "iptables-save.txt": "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n",
        "ip-route.txt": "10.0.0.0/8 dev gw0 scope link\n",
        "ip-addr.txt": "2: gw0: <UP> mtu 1500 state UP\n    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff\n"
        "    inet 10.1.1.1/24 scope global gw0\n",
        "ip-neigh.txt": "10.9.9.9 dev gw0 lladdr 02:00:00:00:00:09 PERMANENT\n",
        "sysctl.txt": "net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.gw0.rp_filter = 0\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return load([folder])


def test_every_golden_answer_has_a_row() -> None:
    assert {path.stem for path in _golden()} == {walk["name"] for walk in WALKS}


def _golden() -> Iterator[Path]:
    return (GOLDEN / "why_whole").iterdir()


LINKS = """\
4: ovs-system: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000
    link/ether 8e:01:02:03:04:05 brd ff:ff:ff:ff:ff:ff promiscuity 1 minmtu 68 maxmtu 65535
    openvswitch addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535
5: br0: <BROADCAST,MULTICAST> mtu 1450 qdisc noop state DOWN mode DEFAULT group default qlen 1000
    link/ether 8e:01:02:03:04:06 brd ff:ff:ff:ff:ff:ff promiscuity 1 minmtu 68 maxmtu 65535
    openvswitch addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535
6: tun0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
    link/ether 8e:01:02:03:04:07 brd ff:ff:ff:ff:ff:ff promiscuity 1 minmtu 68 maxmtu 65535
    openvswitch addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535
7: veth1a@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue master ovs-system state UP mode DEFAULT
    link/ether 8e:01:02:03:04:08 brd ff:ff:ff:ff:ff:ff link-netnsid 0 promiscuity 1 minmtu 68 maxmtu 65535
    veth
    openvswitch_slave addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535
8: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq master ovs-system state UP mode DEFAULT group default
    link/ether 8e:01:02:03:04:09 brd ff:ff:ff:ff:ff:ff promiscuity 1 minmtu 68 maxmtu 9000
    openvswitch_slave addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535
"""


def test_a_kernel_with_a_bridge_tells_which_ports_are_its_own(tmp_path: Path) -> None:
    """As on a node of OpenShift SDN: the host is behind tun0."""
    texts = {
        "flows.txt": " cookie=0x0, table=0, priority=1,ip actions=mod_dl_dst:8e:01:02:03:04:07,output:2\n",
        "ports.txt": "".join(
            f" {n}: addr:8e:01:02:03:04:07\n     config:     0\n"
            for n in ("1(vxlan0)", "2(tun0)", "3(veth1a)", "4(eth1)", "LOCAL(br0)")
        ),
        "ip-link.txt": LINKS,
        "ip-addr.txt": "6: tun0: <UP> mtu 1450 state UNKNOWN\n    link/ether 8e:01:02:03:04:07 brd ff:ff:ff:ff:ff:ff\n"
        "    inet 10.128.0.1/23 scope global tun0\n",
        "ip-route.txt": "default via 192.0.2.1 dev eth0\n10.128.0.0/14 dev tun0 scope link\n",
        "iptables-save.txt": "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
        "-A INPUT -i eth1 -j ACCEPT\nCOMMIT\n",
        "sysctl.txt": "net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.tun0.rp_filter = 0\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, "utf-8")
    ports = Attached(load([tmp_path])).ports
    assert {name: port.internal for name, port in ports.items()} == {
        "vxlan0": False,
        "tun0": True,
        "veth1a": False,
        "eth1": False,
        "br0": False,
    }
    asked = {"in": "veth1a", "src": "10.128.0.9", "dst": "203.0.113.9", "proto": "udp", "sport": 1, "dport": 2}
    macs = {"src_mac": "0a:58:0a:80:00:09", "dst_mac": "8e:01:02:03:04:07"}
    (outcome,) = whole(load([tmp_path]), asked | macs).outcomes
    assert (outcome.egress, [a.settle for a in outcome.assumptions]) == ("eth0", ["ip rule"])
