"""Real nodes from elsewhere: each finding is one that somebody looked at, and holds to be right."""

import json

import pytest

from ruleparse.lint.run import lint
from ruleparse.snapshot import load

NO_FLOWS = ("ovs-flows/hotsos-sunbeam-openstack-hypervisor.ovs-ofctl_dump-flows_br-ex.txt",)
OF_KUBERNETES = ("openshift-sdn", "antrea", "kube-proxy", "calico", "docker")
KINDS = ("iptables-save", "ip6tables-save")


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
            lines.append(f"{file}:{found.span.line}: {found.severity}: {found.rule}")
    golden("lint/real-nodes.txt", "\n".join(lines) + "\n")
