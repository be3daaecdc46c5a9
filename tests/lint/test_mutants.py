"""Defects planted in healthy nodes are found by the rule meant for them, at their line; `make mutants` plants more."""

import pytest

from benchmarks.mutants import PLANTS, is_found, spread
from benchmarks.planting import CORPORA, FLOWS, GROUPS, RULES, SETS, Mutant
from ruleparse.lint.registry import rule_names

BRIDGES = ("antrea-1.2/of10", "antrea-2.3/of15-names")
NODES = {
    RULES: ("kube-proxy-1.27", "calico-after", "docker", "aws-vpc-cni"),
    SETS: ("calico-after",),
    FLOWS: BRIDGES,
    GROUPS: BRIDGES,
}
LEFT_TO_EXAMPLES = {"hostport-taken-twice", "missing-meter", "services-disagree"}


@pytest.mark.parametrize("planted", PLANTS, ids=[planted.name for planted in PLANTS])
def test_a_planted_defect_is_found(planted, tmp_path):
    count = 0
    for node in NODES[planted.file]:
        for mutant in spread(planted.plant((CORPORA / node / planted.file).read_text().splitlines()), 1):
            count += 1
            line = mutant.lines[mutant.line - 1]
            assert is_found(CORPORA / node, planted, mutant, tmp_path), f"{node}:{mutant.line}: {line}"
    assert count


@pytest.mark.parametrize("file", NODES)
def test_nothing_is_found_where_nothing_is_planted(file, tmp_path):
    node = CORPORA / NODES[file][0]
    healthy = Mutant((node / file).read_text().splitlines(), 1)
    assert not any(is_found(node, planted, healthy, tmp_path) for planted in PLANTS if planted.file == file)


def test_a_defect_is_planted_for_each_rule():
    assert {planted.rule for planted in PLANTS} == set(rule_names()) - LEFT_TO_EXAMPLES
