"""ruleparse check as a shell sees it, and what it makes of files that are wrong."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.command import run

CORPORA = Path("corpora")
POD = "in: calia7a3e029a7b, src: 10.244.1.10"
TO_NGINX = f"{{{POD}, dst: 10.244.1.11, proto: tcp, dport: 80}}"
TO_SERVICE = f"{{{POD}, dst: 10.96.120.8, proto: tcp, dport: 80}}"


def one(packet, expect, more=""):
    return f"expectations:\n  - name: it\n    packet: {packet}\n    expect: {expect}\n{more}"


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.chdir(Path(__file__).parent.parent.parent)

    def ask(text, node, *words):
        (tmp_path / "expect.yaml").write_text(text)
        return run("check", tmp_path / "expect.yaml", CORPORA / node, *words)

    return ask


@pytest.mark.parametrize(
    ("packet", "expect", "node", "status"),
    [
        (TO_NGINX, "accept", "calico-before", 0),
        (TO_NGINX, "accept", "calico-after", 1),
        (TO_NGINX, "drop", "calico-after", 0),
        (TO_NGINX, "reject", "calico-after", 1),
        (TO_NGINX, "{never: accept}", "calico-after", 0),
        (TO_NGINX, "{never: accept}", "calico-before", 1),
        (TO_SERVICE, '{to: ["10.244.1.11:80", "10.244.1.12:80"]}', "calico-before", 0),
        (TO_SERVICE, '{to: "10.244.1.11:80"}', "calico-before", 1),
        (TO_SERVICE, "{to: [10.244.1.11, 10.244.1.12]}", "calico-before", 0),
        (TO_SERVICE, '{never: {to: "10.244.1.12:80"}}', "calico-before", 1),
        (TO_SERVICE, '{never: {to: "10.244.1.13:80"}}', "calico-before", 0),
        (TO_NGINX, "{out: calic3082fc375c}", "calico-before", 0),
        (TO_NGINX, "{out: eth0}", "calico-before", 1),
    ],
)
def test_expectations_about_one_packet(check, packet, expect, node, status):
    ran = check(one(packet, expect), node)
    assert (ran.status, ran.err) == (status, "")


@pytest.mark.parametrize(
    ("ports", "expect", "status"),
    [("80-90", "accept", 0), ("80", "accept", 0), ("80-90", "{never: accept}", 1), ("1-65535", "drop", 1)],
)
def test_an_expectation_about_a_set_holds_for_all_of_it(check, ports, expect, status):
    packet = f'{{{POD}, dst: 10.244.1.11, proto: tcp, dport: "{ports}"}}'
    assert check(one(packet, expect), "calico-before").status == status


def test_one_packet_of_many_is_enough_to_fail(check):
    """Of two destinations a policy closes one."""
    packet = f"{{{POD}, dst: '198.51.100.7,10.244.1.11', proto: tcp, dport: 80}}"
    found = json.loads(check(one(packet, "accept"), "calico-after", "--format", "json").out)["results"][0]
    assert found["status"] == "fails"
    assert found["witness"]["dst"] == "10.244.1.11"
    assert {o["verdict"] for o in found["walked"]["outcomes"]} == {"drop"}


UNSAVED = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m set --match-set trusted src -j DROP\nCOMMIT\n"


@pytest.mark.parametrize(("more", "status"), [("", 1), ("    assuming: true\n", 0), ("    assuming: false\n", 1)])
def test_what_no_dump_tells_is_unknown(tmp_path, more, status):
    (tmp_path / "rules.txt").write_text(UNSAVED)
    (tmp_path / "routes.txt").write_text("local 192.0.2.1 dev eth0 table local proto kernel scope host src 192.0.2.1\n")
    packet = "{in: eth0, src: 198.51.100.1, dst: 192.0.2.1, proto: tcp, dport: 80, sport: 4000}"
    (tmp_path / "e.yaml").write_text(one(packet, "{never: drop}", more))
    ran = run("check", tmp_path / "e.yaml", tmp_path / "rules.txt", tmp_path / "routes.txt")
    assert ran.status == status
    assert "UNKNOWN" in ran.out
    assert "in set trusted" in ran.out


WRONG = {
    "an-option-that-is-none": one("{srk: 10.0.0.1}", "accept"),
    "a-fate-that-is-none": one("{src: 10.0.0.1}", "acept"),
    "a-value-that-is-none": one("{src: 10.0.0.256}", "accept"),
    "a-key-too-much": one("{src: 10.0.0.1}", "accept", "    why: because\n"),
    "a-key-missing": "expectations:\n  - name: it\n    expect: accept\n",
    "a-key-twice": one("{src: 10.0.0.1}", "accept", "    expect: drop\n"),
    "no-yaml": "expectations: [\n",
    "an-alias": "expectations: &a [*a]\n",
    "nothing": "",
    "a-list": "- name: it\n",
    "nothing-expected": one("{src: 10.0.0.1}", "{}"),
    "a-key-that-is-a-list": "[1]: 2\n",
    "a-control-character": "expectations: \x01\n",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_told_with_line_and_column(check, golden, name):
    ran = check(WRONG[name], "calico-before")
    assert (ran.status, ran.out) == (2, "")
    golden(f"check/{name}.txt", "\n".join(line.rpartition("expect.yaml")[2] for line in ran.err.splitlines()) + "\n")


def test_a_file_that_is_not_there(tmp_path):
    assert run("check", tmp_path / "none.yaml", CORPORA / "calico-before").status == 3


def test_very_deep_files_are_refused(check):
    assert check("[" * 5000, "calico-before").status in (2, 3)


TWO = one(TO_NGINX, "accept") + f"  - name: the service\n    packet: {TO_SERVICE}\n    expect: accept\n"


def test_text(check, golden):
    ran = check(TWO, "calico-after")
    golden("check/two.txt", "\n".join(line.rpartition("   /")[0] or line for line in ran.out.splitlines()) + "\n")


def test_junit(check):
    root = ElementTree.fromstring(check(TWO, "calico-after", "--format", "junit").out)
    assert [case.get("name") for case in root.iter("testcase")] == ["it", "the service"]
    assert len(list(root.iter("failure"))) == 2


def test_github(check):
    lines = check(TWO, "calico-after", "--format", "github").out.splitlines()
    assert [line.partition(",line=")[2].partition("::")[0] for line in lines] == ["2,col=5", "5,col=5"]
    assert lines[0].endswith("by filter cali-tw-calic3082fc375c, rule 7 (line 314)")


def test_the_schema_of_expectations_is_printed():
    assert "expectations" in json.loads(run("doc", "--schema", "expectations").out)["properties"]
