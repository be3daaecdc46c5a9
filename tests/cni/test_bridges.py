"""The decoders of bridges: our own corpora of Antrea, flow by flow, and foreign dumps where they are at hand."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleparse.cni.antrea_cookies import category, round_of
from ruleparse.cni.antrea_tables import BONES, FIXED, POLICIES, SIGNATURES
from ruleparse.cni.flow_decoder import FlowCase
from ruleparse.cni.flow_names import FLOW_DECODERS, FlowNames
from ruleparse.cni.names import DECODERS
from ruleparse.cni.saved_flows import SavedBridge, SavedFlow
from ruleparse.openflow.read import read_flows
from ruleparse.packet import Packet
from ruleparse.report.reference import pages
from ruleparse.text import Source
from tests.places import CORPORA, TABLES
from tests.saved_bridges import flow_in, saved_bridge

GENERATIONS = {"0.9": "0.9", "1.2": "1.0 to 1.3", "1.8": "1.6 to 1.12", "2.3": "2.0 or later"}
FLAVOURS = ("of10", "of10-names", "of13", "of13-names", "of15", "of15-names")
SHOWN = ("antrea-0.9/of10", "antrea-1.2/of13", "antrea-1.8/of10", "antrea-2.3/of15-names")
DECISIONS = tomllib.loads((TABLES / "flow_decisions.toml").read_text("utf-8"))["decision"]
CLIENT, FRIEND = "10.244.1.10", "10.244.1.13"
IPV4, TCP = 0x0800, 6
Golden = Callable[[str, str], None]


def packet(src: str, dst: str, dport: int, **more: int) -> Packet:
    values = {"dl_type": IPV4, "nw_proto": TCP, "tp_dst": dport, **more}
    values |= {"nw_src": int(ip_address(src)), "nw_dst": int(ip_address(dst))}
    return Packet({f"flow.{name}": value for name, value in values.items()})


def names(folder: str) -> FlowNames:
    return FlowNames(saved_bridge(CORPORA / folder))


def numbered(known: FlowNames, name: str) -> str:
    """The table that the program calls so."""
    (table,) = [table for table in known.saved.flows if known.table(table) == name]
    return table


@pytest.mark.parametrize("folder", SHOWN)
def test_all_that_a_bridge_says(folder: str, golden: Golden) -> None:
    known = names(folder)
    lines = [", ".join(known.writers())]
    for table, flows in known.saved.flows.items():
        lines += ["", f"{table} {known.table(table)}"]
        said: dict[str, SavedFlow] = {}
        for flow in flows:
            said.setdefault(re.sub(r"\d+", "…", flow.rule), flow)
        lines += [f"    {flow.rule[:110]}\n        {known.flow(flow)}" for flow in said.values()]
    golden(f"cni/{folder.replace('/', '-')}.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("version", GENERATIONS)
def test_every_way_to_dump_says_the_same(version: str) -> None:
    """Names of tables are no help that is needed, nor is the OpenFlow version."""
    told = []
    for flavour in FLAVOURS:
        known = names(f"antrea-{version}/{flavour}")
        assert known.writers() == [f"Antrea {GENERATIONS[version]}"]
        tables = {known.table(table): flows for table, flows in known.saved.flows.items()}
        assert None not in tables
        told.append(sorted((str(name), str(known.flow(flow))) for name, flows in tables.items() for flow in flows))
    assert all(found == told[0] for found in told)


@pytest.mark.parametrize("row", DECISIONS, ids=lambda row: f"{row['folder']} {row['table']}")
def test_a_drop_is_explained(row: dict[str, Any]) -> None:
    known = names(row["folder"])
    table = numbered(known, row["table"])
    flow = flow_in(known.saved, table, row["flow"]) if "flow" in row else known.saved.miss(table)
    assert flow is not None
    assert known.decision(FlowCase(packet(**row["packet"]), table, flow)) == row["says"]


@pytest.mark.parametrize(
    ("version", "table"), [("1.2", "IngressMetric (table 101)"), ("2.3", "IngressMetric (table 27)")]
)
def test_a_denial_is_explained_where_it_ends(version: str, table: str) -> None:
    """The rule that denies only leaves its number; the table behind drops."""
    known = names(f"antrea-{version}/of10")
    metric, rules = numbered(known, "IngressMetric"), numbered(known, "AntreaPolicyIngressRule")
    path = [flow_in(known.saved, rules, "conj_id=5")]
    (said,) = known.decision(
        FlowCase(packet(FRIEND, CLIENT, 23), metric, flow_in(known.saved, metric, "reg3=0x5"), path)
    )
    assert said.startswith(f"{table} drops: an Antrea-native policy, conjunction 5 at priority 14600, denies tcp/23 to")


def test_what_is_not_known_is_not_said_to_fail() -> None:
    known = names("antrea-after")
    table = numbered(known, "IngressDefaultRule")
    asked = Packet({"flow.dl_type": IPV4, "flow.nw_proto": TCP, "flow.tp_dst": 80})
    said = known.decision(FlowCase(asked, table, flow_in(known.saved, table, "reg1=0x4")))
    assert said[1] == f"Conjunction 1 allows tcp/80 from {FRIEND}, 10.244.2.40."


def test_rows_of_tables_agree() -> None:
    assert {row.number for row in FIXED} >= BONES
    assert len({name for name, _ in SIGNATURES}) == len(SIGNATURES)
    assert len(POLICIES) == 4


def test_decoders_have_names_and_pages() -> None:
    decoders = [(d.name, d.title) for d in DECODERS] + [(d.name, d.title) for d in FLOW_DECODERS]
    assert len({name for name, _ in decoders}) == len(decoders)
    for name, title in decoders:
        (page,) = pages(name)
        head, _, doc = page.partition("\n\n")
        assert head.endswith(f"that {title} writes")
        assert doc


def test_cookies() -> None:
    assert (round_of(0x1050000000000), category(0x1050000000000, False)) == (1, "policy")
    assert (round_of(0x3020000000000), category(0x3020000000000, True)) == (3, "network policy")
    assert category(0xFF0000000000, True) is None


def test_flows_of_several_rounds_are_told(tmp_path: Path) -> None:
    text = (CORPORA / "antrea-after" / "flows.txt").read_text("utf-8")
    (tmp_path / "flows.txt").write_text(text.replace("0x1030000000000", "0x2030000000000", 1))
    (said,) = FlowNames(saved_bridge(tmp_path)).remarks()
    assert said == "Flows of 2 starts of the Antrea agent (1 and 2) are here: the older are stale."
    assert names("antrea-after").remarks() == []


def test_a_bridge_that_lost_its_flows(tmp_path: Path) -> None:
    (tmp_path / "flows.txt").write_text(" cookie=0x0, duration=1.2s, table=0, priority=0 actions=NORMAL\n")
    assert FlowNames(saved_bridge(tmp_path)).remarks() == []
    (tmp_path / "ports.txt").write_text(" 2(antrea-gw0): addr:02:50:d0:00:ff:02\n")
    (said,) = FlowNames(saved_bridge(tmp_path)).remarks()
    assert said.startswith("Antrea's flows are lost")


LINES = [
    line
    for folder in SHOWN
    for line in (CORPORA / folder / "flows.txt").read_text("utf-8").splitlines()
    if "actions=" in line
]
ODD = (
    "",
    "0x",
    "-1",
    "65536",
    "99999999999999999999",
    "x",
    "[]",
    "(",
    ",",
    "=",
    "0x1/0x1",
    "NXM_NX_REG1[]",
    "1/0",
    "é",
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Flows of Antrea with some words that make no sense."""
    lines = []
    for line in draw(st.lists(st.sampled_from(LINES), min_size=1, max_size=12)):
        words = re.split(r"([,=:()\s/]|->)", line)
        for _ in range(draw(st.integers(0, 2))):
            words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(ODD))
        lines.append("".join(words))
    return "\n".join(lines) + "\n"


@settings(max_examples=30)
@given(damaged(), st.sampled_from(SHOWN))
def test_nothing_that_is_written_stops_a_decoder(text: str, folder: str) -> None:
    whole = (CORPORA / folder / "flows.txt").read_text("utf-8")
    known = FlowNames(SavedBridge([read_flows(Source("flows", text)), read_flows(Source("flows", whole + text))]))
    assert isinstance(known.writers(), list)
    assert isinstance(known.remarks(), list)
    for table, flows in known.saved.flows.items():
        for flow in flows:
            known.flow(flow)
            known.decision(FlowCase(packet(CLIENT, FRIEND, 80), table, flow, list(flows)))


OPENSHIFT = "oselab-ocp3.11-{}-ocp311-node{}-f-ovs_ofctl_O_OpenFlow13_dump_flows_br0.txt"


@pytest.mark.parametrize("node", [1, 2])
def test_openshift_before_and_after_policies(shared_data: Path, node: int) -> None:
    """Everybody may ask a project's pods; then nobody; then the pods of the same project."""
    folder = shared_data / "dumps" / "ovs-flows"
    before, denied, allowed = (
        FlowNames(saved_bridge(folder, OPENSHIFT.format(name, node)))
        for name in ("00_test", "03_policy_deny_dev_to_ops", "05_policy_allow_dev_to_ops")
    )
    assert before.writers() == ["OpenShift SDN (networkpolicy, flows of version 7)"]
    project = "project 0xfa006c"
    told = [[known.flow(flow) for flow in known.saved.table("80")] for known in (before, denied, allowed)]
    assert [f"{project} lets in everybody" in said for said in told] == [True, False, False]
    assert f"{project} lets in {project}" in told[2]
    last = denied.saved.miss("80")
    asked = packet("10.129.0.11", "10.129.0.16", 80, reg0=0xFC3BDD, reg1=0xFA006C)
    start = (
        f"network policy (table 80) drops: no policy of {project} lets in tcp/80 from 10.129.0.11 of project 0xfc3bdd."
    )
    assert denied.decision(FlowCase(asked, "80", last)) == [start]
    assert allowed.decision(FlowCase(asked, "80", allowed.saved.miss("80"))) == [
        start,
        f"Project 0xfa006c lets in {project}.",
    ]


WRITERS = {
    "oselab-ose3.5-00_installed-node1-f-*": ["OpenShift SDN (multitenant, flows of version 3)"],
    "openstack-operation_instance_ovn_flat-18-*": ["OVN"],
    "openstack-operation_network_ovs_lb-8-*": ["Neutron br-int"],
    "openstack-operation_network_ovs_lb-9-*": ["Neutron br-tun"],
    "openstack-operation_network_ovs_lb-7-*": [],
}


@pytest.mark.parametrize("pattern", WRITERS)
def test_whose_foreign_bridges_are(shared_data: Path, pattern: str) -> None:
    (path,) = (shared_data / "dumps" / "ovs-flows").glob(pattern)
    assert FlowNames(saved_bridge(path.parent, path.name)).writers() == WRITERS[pattern]
