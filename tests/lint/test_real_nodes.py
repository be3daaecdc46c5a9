"""Real nodes from elsewhere: each finding is one that somebody looked at, and says why it is right."""

import json

import pytest

from ruleparse.lint.run import lint
from ruleparse.snapshot import load

NO_FLOWS = ("ovs-flows/hotsos-sunbeam-openstack-hypervisor.ovs-ofctl_dump-flows_br-ex.txt",)
OF_KUBERNETES = ("openshift-sdn", "antrea", "kube-proxy", "calico", "docker")
KINDS = ("iptables-save", "ip6tables-save")
DEFENDED = {
    (
        "antrea-test-agent_route",
        "missing-chain",
    ): "a test of Antrea's writes a jump to a chain of the AWS VPC CNI alone",
    ("calico-felix-fv", "unreachable-chain"): "Calico's test of its cleaning up: the chains are left over",
    ("k8s-1.31-iptables-TestTracePacket", "unreachable-chain"): "a test's rules, most jumps of which were left out",
    (
        "openstack-operation_network_ovn",
        "flow-never-reached",
    ): "OVN writes a drop that a flow for the same ARP takes all of",
    ("oselab-ocp3.11", "flow-conflict"): "OpenShift 3.11 gives ct() the priority of the flows that sort by source",
}


def test_findings_on_real_nodes(shared_data, golden):
    index = shared_data / "dumps" / "INDEX.jsonl"
    if not index.is_file():
        pytest.skip(f"no {index}")
    rows = [r for r in map(json.loads, index.read_text().splitlines()) if r["complete"]]
    files = [r["file"] for r in rows if r["kind"] in KINDS and r["producer"].startswith(OF_KUBERNETES)]
    files += [r["file"] for r in rows if r["kind"] == "ovs-flows" and r["file"] not in NO_FLOWS]
    lines = [f"{len(files)} dumps"]
    for file in sorted(files):
        for found in lint(load([shared_data / "dumps" / file])):
            lines.append(f"{file}:{found.span.line}: {found.severity}: {found.rule}: {defence(file, found.rule)}")
    golden("lint/real-nodes.txt", "\n".join(lines) + "\n")


def defence(file, rule):
    name = file.rpartition("/")[2]
    return next(
        (why for (start, of), why in DEFENDED.items() if name.startswith(start) and of == rule), "NOBODY LOOKED"
    )
