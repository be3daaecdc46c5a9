"""What `ruleparse check --write` proposes: it holds where it was found, and fails where policies are others."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from ruleparse.check.reading import read
from ruleparse.text import Source
from tests.command import run

ROOT = Path(__file__).parent.parent.parent
CORPORA = Path("corpora")
NAMES = "docs/kubectl-get.json"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def proposed(tmp_path):
    def write(node, *words):
        path = tmp_path / f"{node}.yaml"
        path.write_text(written(node, *words))
        return path

    return write


@cache
def written(node, *words):
    ran = run("check", "--write", CORPORA / node, *words)
    assert (ran.status, ran.err) == (0, "")
    return ran.out


@pytest.mark.parametrize(
    ("node", "names"),
    [
        ("calico-allow-team", [NAMES]),
        ("calico-dual-stack", []),
        ("kube-proxy-flannel", []),
        ("antrea-whole", [NAMES]),
    ],
)
def test_what_is_proposed_holds_there(proposed, node, names):
    path = proposed(node, *names)
    assert len(read(Source.from_path(path))) > 3
    ran = run("check", path, CORPORA / node, *names)
    assert (ran.status, ran.err) == (0, "")
    assert "FAIL" not in ran.out
    assert "UNKNOWN" not in ran.out


def test_it_fails_after_a_policy_was_applied(proposed):
    ran = run("check", proposed("calico-before"), CORPORA / "calico-after")
    assert ran.status == 1
    failed = [line for line in ran.out.splitlines() if line.startswith("FAIL")]
    assert any("reach service default/nginx" in line for line in failed)
    assert any("by tcp" in line for line in failed)
    assert any(line.startswith("ok") and "kube-dns" in line for line in ran.out.splitlines())


def test_what_is_written(golden, proposed):
    golden("check/written.yaml", proposed("calico-allow-team", NAMES).read_text())


def test_it_is_the_same_each_time(proposed):
    once = proposed("calico-allow-team", NAMES).read_text()
    words = ["-m", "ruleparse", "check", "--write", "corpora/calico-allow-team", NAMES]
    env = {"PYTHONHASHSEED": "7", "PATH": "/usr/bin:/bin"}
    assert subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True, env=env).stdout == once


def test_what_there_is_no_time_for_is_counted():
    ran = run("check", "--write", CORPORA / "calico-before", "--most", "30")
    assert ran.status == 0
    assert "# Left out: " in ran.out
    assert "are left out: --most N walks more" in ran.err


def test_what_is_not_sure_is_left_out(tmp_path):
    dumps = [p for p in (CORPORA / "calico-allow-team").iterdir() if p.name != "ipset-save.txt"]
    ran = run("check", "--write", "-q", "--most", "40", *dumps)
    assert "whose packets have several fates, or none that is sure" in ran.out
    (tmp_path / "e.yaml").write_text(ran.out)
    assert run("check", tmp_path / "e.yaml", *dumps).status == 0


def test_a_node_without_pods():
    ran = run("check", "--write", CORPORA / "docker-28")
    assert (ran.status, ran.err) == (0, "")
    assert "# No pods are known" in ran.out or "expectations:\n" in ran.out


def test_expectations_alone_are_no_node(tmp_path):
    ran = run("check", tmp_path / "e.yaml")
    assert (ran.status, ran.out) == (2, "")
    assert "then the dumps" in ran.err
