"""Defects planted in healthy nodes are found by the rule meant for them, at their line; `make mutants` plants more."""

import pytest

from benchmarks.mutants import CORPORA, PLANTS, RULES, Mutant, is_found, spread
from ruleparse.lint.registry import rule_names

NODES = ("kube-proxy-1.27", "calico-after", "docker")
LEFT_TO_EXAMPLES = {"hostport-taken-twice"}


@pytest.mark.parametrize(("rule", "plant"), PLANTS, ids=[plant.__name__ for _, plant in PLANTS])
def test_a_planted_defect_is_found(rule, plant, tmp_path):
    planted = 0
    for node in NODES:
        for mutant in spread(plant((CORPORA / node / RULES).read_text().splitlines()), 1):
            planted += 1
            line = mutant.lines[mutant.line - 1]
            assert is_found(CORPORA / node, rule, mutant, tmp_path), f"{node}:{mutant.line}: {line}"
    assert planted


def test_nothing_is_found_where_nothing_is_planted(tmp_path):
    lines = (CORPORA / NODES[0] / RULES).read_text().splitlines()
    healthy = Mutant(lines, 1)
    assert not any(is_found(CORPORA / NODES[0], rule, healthy, tmp_path) for rule, _ in PLANTS)


def test_a_defect_is_planted_for_each_rule():
    assert {rule for rule, _ in PLANTS} == set(rule_names()) - LEFT_TO_EXAMPLES
