"""Nodes that are well have no findings."""

from pathlib import Path

import pytest

from ruleparse.lint.run import Wanted, lint
from ruleparse.snapshot import load

CORPORA = Path(__file__).parent.parent.parent / "corpora"
NODES = sorted(p.parent.name for p in CORPORA.glob("*/iptables-save.txt"))
BRIDGES = sorted(str(p.parent.relative_to(CORPORA)) for p in CORPORA.glob("**/flows.txt"))


DEFENDED = {"openshift-before": ["flow-conflict"], "openshift-after": ["flow-conflict"]}
"""OpenShift SDN 3.11 itself writes two flows of table 0 that overlap at one priority: whether a packet from tun0 is
tracked before it goes on to table 25 is undefined."""


@pytest.mark.parametrize("node", [*NODES, *BRIDGES])
def test_a_healthy_node_has_no_findings(node):
    found = lint(load([CORPORA / node]))
    assert [f.rule for f in found] == DEFENDED.get(node, []), [f"{f.span.where}: {f.message}" for f in found]


def test_there_are_nodes():
    assert len(NODES) > 20
    assert len(BRIDGES) > 20


def test_what_is_not_shown_is_still_found():
    """A level below the default changes nothing but what is shown."""
    node = load([CORPORA / "calico-before"])
    assert {f.severity for f in lint(node, Wanted(level="note"))} <= {"note"}
