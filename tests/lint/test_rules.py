"""Every lint rule's page: its parts, and that its example shows this defect, there, and no other."""

import pytest

from ruleparse.lint.registry import rule, rule_names
from ruleparse.lint.run import NoSuchRule, Wanted, lint
from tests.lint.examples import HERE, example

PARTS = ("Why:", "Fix:", "Sure:", "Example:")


@pytest.mark.parametrize("name", rule_names())
def test_an_example_shows_its_defect_where_it_says(name, tmp_path):
    shown = example(name)
    found = lint(shown.node(tmp_path), usual(name))
    assert [(f.rule, f.span.line) for f in found] == [(name, shown.line)]


def usual(name):
    """What the command looks for if nobody says otherwise; notes only where the rule has nothing else to tell."""
    declared = rule(name)
    assert declared is not None
    return Wanted(level="note") if declared.severity == "note" else Wanted()


@pytest.mark.parametrize("name", rule_names())
def test_a_page_has_all_its_parts(name):
    declared = rule(name)
    assert declared is not None
    assert declared.name == name
    paragraphs = [p.partition(" ")[0].partition("\n")[0] for p in declared.doc.split("\n\n")]
    assert [p for p in paragraphs if p in PARTS] == list(PARTS)
    assert declared.title.endswith(".")


@pytest.mark.parametrize("name", rule_names())
def test_a_fingerprint_outlives_what_changes_from_dump_to_dump(name, tmp_path):
    shown = example(name)
    (before,) = lint(shown.node(tmp_path), usual(name))
    moved = "# a line more\n" + shown.text.replace(HERE, f"{HERE}, or there")
    counted = "\n".join(f"[3:180] {line}" if line.startswith("-A") else line for line in moved.splitlines())
    (tmp_path / "rules.txt").write_text(counted + "\n")
    (after,) = lint(load_again(tmp_path), usual(name))
    assert before.fingerprint == after.fingerprint


def load_again(folder):
    from ruleparse.snapshot import load

    return load([folder])


def test_rules_that_do_not_exist_are_refused():
    with pytest.raises(NoSuchRule, match="no lint rule nonsense"):
        Wanted(ignore=["nonsense"]).rules()


def test_rules_are_selected_and_ignored():
    assert [r.name for r in Wanted(select=["chain-loop"]).rules()] == ["chain-loop"]
    assert "chain-loop" not in [r.name for r in Wanted(ignore=["chain-loop"]).rules()]


def test_severity_and_level(tmp_path):
    node = example("duplicate-rule").node(tmp_path)
    assert [f.severity for f in lint(node, Wanted(severity={"duplicate-rule": "error"}))] == ["error"]
    assert lint(node, Wanted(level="error")) == []
