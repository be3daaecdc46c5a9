"""Which flows a text holds, and what is wrong with the rest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ruleparse import sniff
from ruleparse.openflow.read import read_flows
from ruleparse.snapshot import NothingRead, load
from ruleparse.text import Diagnostic, Source
from tests.bridges import ask

HAND_WRITTEN = {
    "antrea-doc-pipeline-v0.11.0.txt": ["2 is not a clause K/N with N from 2 to 64"],
    "antrea-doc-pipeline-v0.11.3.txt": ["2 is not a clause K/N with N from 2 to 64"],
    "antrea-doc-pipeline-v0.12.0.txt": ["2 is not a clause K/N with N from 2 to 64"],
    "antrea-doc-pipeline-v0.12.1.txt": ["2 is not a clause K/N with N from 2 to 64"],
    "antrea-doc-pipeline-v0.12.2.txt": ["2 is not a clause K/N with N from 2 to 64"],
    "antrea-doc-pipeline-v0.13.3.txt": ["2 is not a clause K/N with N from 2 to 64"],
    "antrea-doc-pipeline-v1.0.0.txt": ["2 is not a clause K/N with N from 2 to 64"],
    "antrea-doc-pipeline-v1.3.0.txt": ["2 is not a clause K/N with N from 2 to 64"],
    "antrea-doc-windows-design-v0.11.2.txt": [
        "'aabbccddeeff' is not a number",
        "'$local_nodeIP' is not an address",
        "this is not how a flow goes on",  # a bracket too many
    ],
    "antrea-doc-windows-design-v0.12.3.txt": ["'$local_nodeIP' is not an address", "this is not how a flow goes on"],
    "antrea-doc-windows-design-v1.1.1.txt": ["'$local_nodeIP' is not an address", "this is not how a flow goes on"],
    "antrea-doc-windows-design-v1.5.3.txt": [
        "'$localPodSubnet' is not an address",
        "'$peerPodSubnet' is not an address",
        "'$peerNodeIP' is not an address",
        "'$peerNodeMAC' is not a MAC address",
    ],
    "antrea-doc-windows-design-v1.10.1.txt": [
        "'$localPodSubnet' is not an address",
        "'$peerPodSubnet' is not an address",
        "'$peerNodeIP' is not an address",
        "'$peerNodeMAC' is not a MAC address",
    ],
    "ovnk-doc-design_service-traffic-policy.txt": ["'<nodePort>' is not a number", "'<targetIP>' is not a number"],
}
"""Flows in documents, that no switch takes: with a clause of nothing, with words where a value belongs."""
SHORTENED = {
    "antrea-doc-pipeline-v1.8.0.txt": [
        "this flow breaks off: what it does is missing",
        "this is not how a flow goes on",
        "2 is not a clause K/N with N from 2 to 64",
    ],
    **{
        f"antrea-doc-pipeline-v2.{release}.txt": [
            "this flow breaks off: what it does is missing",
            "this is not how a flow goes on",
        ]
        for release in ("0.0", "1.0", "4.2")
    },
    "ovs-dbg-offline-debugging.txt": ["this is not how a flow goes on"],  # the end of the last line
}
"""Flows that were folded in a document, of which whoever took them from there lost the second line."""
MEANT_TO_FAIL = {
    "antrea-test-agent_openflow_network_policy-v2.7.0.txt": [
        "'notahex' is not a number",
        "'notahex' is not a number",
        "'0x' is not a number",
    ],
    "ovs-python-test_ofp.txt": [
        "reg0[0..5] and reg1[16..31] have different widths",
        "fe80::ec17:7bff:fe61:7aac is no IPv4 address",
        "myport is not an action that is known",  # a port, which only the switch can tell from a misspelled action
        "doesnotexist is not an action that is known",
        "'nofield' is not a number",
        "nofield is not a field",
        "nofield is not a field that is known",
        "NOFILED is not a field",
        "reg32[16..31] is not a field",
        "xreg16[0..31] is not a field",
        "xxreg8[64..128] is not a field",
    ],
}
"""Input of tests of other parsers."""
NO_FLOWS = {
    "hotsos-sunbeam-openstack-hypervisor.ovs-ofctl_dump-flows_br-ex.txt": [
        "the bridge does not speak this version of OpenFlow: save ovs-ofctl -O OpenFlow15 dump-flows, or 13"
    ]
}
"""What ovs-ofctl says when it fails."""
NOT_WHOLE = HAND_WRITTEN | SHORTENED | MEANT_TO_FAIL | NO_FLOWS


def problems(path: Path) -> Iterator[str]:
    dump = read_flows(Source.from_path(path))
    yield from (diagnostic.message for diagnostic in dump.diagnostics)
    for flow in dump.all_flows():
        if isinstance(flow, Diagnostic):
            yield flow.message
            continue
        try:
            str(flow), flow.conditions, flow.actions, flow.priority
        except ValueError as error:
            yield str(error)


def test_real_dumps_parse_whole(shared_data: Path):
    files = sorted((shared_data / "dumps" / "ovs-flows").iterdir())
    assert {file.name for file in files} >= NOT_WHOLE.keys()
    assert {file.name for file in files if sniff.kind_of(Source.from_path(file).text) != "ovs-flows"} == set()
    assert {file.name: found for file in files if (found := list(problems(file)))} == NOT_WHOLE


CUT = """\
NXST_FLOW reply (xid=0x4):
 cookie=0x0, duration=0.021s, table=0, n_packets=0, n_bytes=0, idle_age=0, priority=5,in_port=1 actions=output:2
NXST_FLOW reply (xid=0x4): ***decode error: OFPBAC_UNSUPPORTED_ORDER***
00000000  01 11 05 f0 00 00 00 04-00 00 00 00 00 00 00 00 |................|
"""


@pytest.mark.parametrize("port", [1, 2])
def test_an_answer_rests_on_flows_that_are_missing(port: int):
    """Whether the packet finds a flow or none."""
    answer = ask(CUT, f"in_port={port},tcp")
    (outcome,) = answer.outcomes
    assert "no flow matters that is missing since ovs-ofctl failed at flows.txt:3" in [
        assumed.question for assumed in outcome.assumptions
    ]
    assert [d.message for d in answer.diagnostics if d.name == "truncated"] == [
        "ovs-ofctl failed here: flows behind this are missing"
    ]


def test_a_failure_alone_is_no_bridge(tmp_path: Path):
    file = tmp_path / "flows"
    file.write_text(
        "2025-01-01T00:00:00Z|00001|vconn|WARN|unix:br0.mgmt: version negotiation failed (we support 0x01)\n"
    )
    with pytest.raises(NothingRead, match="does not speak this version"):
        load([file])


FOLDED = """\
 table=40, priority=200,tcp,nw_src=10.10.0.2 \\
   actions=drop
 table=41, priority=1 actions=learn(table=40,
   priority=2,load:0x1->NXM_NX_REG0[0])
 table=42, priority=0 actions=ct(commit
 cookie=0x0, table=43, priority=0 actions=drop
"""


def test_folded_flows_are_one_and_a_broken_one_takes_no_other_with_it():
    dump = read_flows(Source("flows", FOLDED))
    assert {table: dump.count(table) for table in dump.tables} == {"40": 1, "41": 1, "42": 1, "43": 1}
    read = {table: next(iter(dump.runs(table))) for table in dump.tables}
    assert [table for table, flow in read.items() if isinstance(flow, Diagnostic)] == ["42"]
