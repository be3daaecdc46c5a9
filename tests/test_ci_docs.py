"""What docs/ci.md shows works, and so does the pre-commit hook."""

import re
import tomllib

import pytest
import yaml

from ruleparse.cli.settings import _File
from tests.command import run
from tests.places import ROOT

BLOCKS = re.findall(r"```(yaml|toml)\n(.*?)```", (ROOT / "docs/ci.md").read_text(), re.S)


def block(start):
    return next(text for _, text in BLOCKS if text.startswith(start))


def test_the_expectations_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / "e.yaml").write_text(block("expectations:"))
    assert run("check", tmp_path / "e.yaml", "corpora/calico-before").status == 0
    assert run("check", tmp_path / "e.yaml", "corpora/calico-after").status == 1


def test_the_expectations_with_names_are_those_beside_it():
    shown = [text for _, text in BLOCKS if "from: pod default/client" in text]
    assert shown == [(ROOT / "docs/expectations.yaml").read_text()]


def test_the_expectation_about_a_bridge_holds(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / "e.yaml").write_text(next(text for _, text in BLOCKS if "br-int" in text))
    assert run("check", tmp_path / "e.yaml", "corpora/antrea-after").status == 0


def test_the_settings_are_settings():
    assert _File.model_validate(tomllib.loads(block("[lint]"))).lint.ignore == ["duplicate-rule"]


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "yaml"])
def test_the_yaml_is_yaml(text):
    assert yaml.safe_load(text)


def test_the_hooks_are_the_commands_there_are():
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["entry"] for hook in hooks] == ["ruleparse lint", "ruleparse check"]
    files = re.compile(hooks[0]["files"])
    assert files.search("dumps/node-a/iptables-save.txt")
    assert files.search("ip6tables-save")
    assert not files.search("dumps/README.md")
