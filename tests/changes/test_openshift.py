"""OpenShift SDN before and after a policy: packets that change fate are those that the policy objects mean."""

import shutil
from pathlib import Path

import pytest

from ruleparse.changes.bridge import bridge_difference
from ruleparse.snapshot import Snapshot, load
from ruleparse.why_bridge import why_bridge
from tests.places import ROOT

SPEC = {"bridge": "br0"}
OURS = "0x9e30a4", "10.131.2.9", "10.131.2.1", "192.0.2.21, 192.0.2.31"
FOUND = {
    "node1": ("0xfa006c", "10.129.0.16", "10.129.0.1", "172.16.99.21, 172.16.99.31, 172.16.99.42"),
    "node2": ("0xfa006c", "10.131.0.16", "10.131.0.1", "172.16.99.21, 172.16.99.31, 172.16.99.41"),
}
"""project proj-ops: its number, its pod on that node, the node's own address there, the other nodes"""


def ours(when: str) -> Snapshot:
    return load([ROOT / "corpora" / f"openshift-{when}"])


def found(data: Path, folder: Path, scenario: str, node: str) -> Snapshot:
    """A bridge of OpenShift 3.11 in a scenario, with the ports that were saved with the first."""
    flows = f"ovs-flows/oselab-ocp3.11-{scenario}-ocp311-{node}-f-ovs_ofctl_O_OpenFlow13_dump_flows_br0.txt"
    ports = f"ovs-show/oselab-ocp3.11-00_test-ocp311-{node}-f-ovs_ofctl_O_OpenFlow13_show_br0.txt"
    for name, text in (("flows.txt", flows), ("ports.txt", ports)):
        folder.mkdir(exist_ok=True)
        shutil.copy(data / "dumps" / text, folder / name)
    return load([folder / "flows.txt", folder / "ports.txt"])


def only_the_project_is_let_in(
    before: Snapshot, after: Snapshot, project: str, pod: str, gateway: str, nodes: str
) -> None:
    """From other nodes by its number; from the pod itself, through a service, as it is asked by none but itself."""
    (change,) = bridge_difference(before, after, SPEC).changes
    assert (change.before.verdict, change.after.verdict) == ("drop", "accept")
    assert change.after.when == [
        {
            "proto": "ip",
            "in_port": "1 (vxlan0)",
            "nw_src": f"any except {gateway}",
            "nw_dst": pod,
            "tun_id": f"{project}/0xffffffff",
            "tun_src": nodes.replace(", ", ","),
        },
        {"proto": "ip", "in_port": "2 (tun0)", "nw_src": pod, "nw_dst": pod},
    ]
    assert f"no policy of project {project} lets in tcp/80" in change.before.explanation[0]
    (back,) = bridge_difference(after, before, SPEC).changes
    assert (back.after.verdict, back.after.when) == ("drop", change.after.when)


def test_a_policy_in_our_corpora():
    only_the_project_is_let_in(ours("before"), ours("after"), *OURS)


@pytest.mark.parametrize("node", FOUND)
def test_a_policy_in_dumps_of_a_cluster(node, tmp_path, shared_data):
    """proj-ops: deny-by-default alone, then allow-same-namespace too."""
    before = found(shared_data, tmp_path / "before", "03_policy_deny_dev_to_ops", node)
    after = found(shared_data, tmp_path / "after", "05_policy_allow_dev_to_ops", node)
    only_the_project_is_let_in(before, after, *FOUND[node])


ASKED = {
    "bridge": "br0",
    "flow": "in_port=1,tcp,tun_id=0x9e30a4,tun_src=192.0.2.21,nw_src=10.128.1.5,nw_dst=10.131.2.9,tcp_dst=8080",
}


def test_dropped_before_with_the_projects_in_words():
    (outcome,) = why_bridge(ours("before"), ASKED).outcomes
    assert outcome.verdict == "drop"
    (sentence,) = outcome.explanation
    assert sentence.startswith("network policy (table 80) drops: no policy of project 0x9e30a4 lets in tcp/8080")
    assert sentence.endswith("from 10.128.1.5 of project 0x9e30a4.")


def test_allowed_after_with_the_policy_in_words():
    (outcome,) = why_bridge(ours("after"), ASKED).outcomes
    assert [e.name for e in outcome.egress] == ["vethb60f9e1a"]
    assert outcome.steps[-1].says == "project 0x9e30a4 lets in project 0x9e30a4"
