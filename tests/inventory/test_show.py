"""What ruleparse show says is in a dump: as people read it, and counted again in another way."""

import json
import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from ruleparse.report.schema import ShowJson
from tests.command import run

CORPORA = Path("corpora")
NODES = sorted(
    p.name for p in (Path(__file__).parent.parent.parent / "corpora").iterdir() if (p / "flows.txt").exists()
)
NODES += [
    "calico-after",
    "calico-3.30",
    "kube-proxy-1.16",
    "kube-proxy-1.34",
    "kube-proxy-ipvs",
    "docker",
    "rules-only",
]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(Path(__file__).parent.parent.parent)
    monkeypatch.setenv("COLUMNS", "100")


def shown(*words):
    ran = run("show", *words, "--format", "json")
    assert ran.status == 0, ran.err
    return json.loads(ran.out)["node"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("calico", ["calico-after"]),
        ("kube-proxy", ["kube-proxy-1.34"]),
        ("ipvs", ["kube-proxy-ipvs"]),
        ("antrea", ["antrea-2-after"]),
        ("chain", ["calico-after", "cali-tw-calic3082fc375c"]),
        ("table", ["calico-after", "raw"]),
        ("service", ["calico-after", "default/nginx"]),
        ("address", ["calico-after", "10.244.1.11"]),
        ("policy", ["calico-after", "default/deny-nginx"]),
        ("set", ["calico-allow-team", "cali40s:MERUh61PglTVSVDqIMxnw8U"]),
        ("mark", ["calico-after", "0x4000"]),
        ("flow-table", ["antrea-after", "IngressRule"]),
        ("port", ["antrea-after", "nginx-0-8a41d2"]),
    ],
)
def test_for_people(golden, name, words):
    ran = run("show", CORPORA / words[0], *words[1:])
    assert (ran.status, ran.err) == (0, "")
    golden(f"show/{name}.txt", ran.out)


def test_focus_is_the_last_argument():
    node = CORPORA / "calico-after"
    assert run("show", node, "--focus", "0x4000") == run("show", node, "0x4000")


@pytest.mark.parametrize("node", NODES)
def test_json_is_what_its_schema_says(node):
    found = json.loads(run("show", CORPORA / node, "--format", "json").out)
    TypeAdapter(ShowJson).validate_python(found, extra="forbid")


@pytest.mark.parametrize("node", NODES)
def test_odds_add_up(node):
    found = shown(CORPORA / node)
    services = [*found["services"], *(s for bridge in found["bridges"] for s in bridge["services"])]
    for choice in (choice for service in services for choice in service["choices"]):
        assert choice["refused"] or abs(sum(e["share"] for e in choice["endpoints"]) - 1) < 1e-4


@pytest.mark.parametrize("node", ["calico-after", "calico-3.30", "kube-proxy-1.16", "docker", "rules-only"])
def test_rules_and_sets_are_counted(node):
    text = "".join((CORPORA / node / name).read_text() for name in ("iptables-save.txt",))
    found = shown(CORPORA / node)
    tables = [table for family in found["families"] for table in family["tables"]]
    assert sum(table["rules"] for table in tables) == len(re.findall(r"(?m)^(?:\[\d+:\d+\] )?-A ", text))
    assert sum(table["chains"] for table in tables) == len(re.findall(r"(?m)^:", text))
    saved = CORPORA / node / "ipset-save.txt"
    for one in found["sets"] if saved.exists() else ():
        assert one["members"] == saved.read_text().count(f"add {one['name']} ")
        assert one["used_by"] or f" {one['name']} " not in text


def test_every_rule_about_a_mark_is_there():
    text = (CORPORA / "calico-after" / "iptables-save.txt").read_text()
    users = {chain for chain, _ in re.findall(r"(?m)^-A (\S+) .*-j MARK --set-xmark (\S+)", text)}
    marks = shown(CORPORA / "calico-after")["marks"]
    assert {chain.split()[1] for m in marks for chain in (*m["set_by"], *m["cleared_by"])} == users
    assert len({m["bits"] for m in marks}) == len(marks)


def test_bits_that_rules_take_apart_are_told_apart(tmp_path):
    rules = ("-j MARK --set-xmark 0x3/0x3", "-m mark --mark 0x1/0x1 -j DROP", "-j MARK --or-mark 0x8")
    lines = "".join(f"-A INPUT {rule}\n" for rule in rules)
    (tmp_path / "rules").write_text(f"*mangle\n:INPUT ACCEPT [0:0]\n{lines}COMMIT\n")
    marks = shown(tmp_path / "rules")["marks"]
    assert [(m["bits"], bool(m["set_by"]), bool(m["tested_by"])) for m in marks] == [
        ("0x1", True, True),
        ("0x2", True, False),
        ("0x8", True, False),
    ]


def test_sets_that_nobody_saved_are_named(tmp_path):
    rule = "-A INPUT -m set --match-set trusted src -j DROP\n"
    (tmp_path / "rules").write_text(f"*filter\n:INPUT ACCEPT [0:0]\n{rule}COMMIT\n")
    assert "trusted (not saved)\n    used by filter INPUT" in run("show", tmp_path / "rules").out


def test_pods_and_their_policies():
    found = shown(CORPORA / "calico-3.30")
    text = (CORPORA / "calico-3.30" / "iptables-save.txt").read_text()
    assert {end["interface"] for end in found["ends"]} == set(re.findall(r"(?m)^:cali-tw-(\S+)", text))
    for end in found["ends"]:
        asks = re.findall(rf"(?m)-A cali-tw-{end['interface']} .*-j cali-(?:pi|gi)-", text)
        assert (end["ingress"] is None) == (not asks)


def test_long_lists_are_cut_and_say_so(tmp_path):
    sets = "".join(f"create s{n} hash:ip family inet\nadd s{n} 10.0.0.{n}\n" for n in range(50))
    (tmp_path / "sets").write_text(sets)
    (tmp_path / "rules").write_text("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")
    out = run("show", tmp_path).out
    assert "sets (50)" in out
    assert "… and 30 more sets (--verbose)" in out
    assert out.count("hash:ip") == 20
    assert run("show", tmp_path, "-v").out.count("hash:ip") == 50
    assert len(shown(tmp_path)["sets"]) == 50


def test_both_tools_in_force_are_told_apart(tmp_path):
    for name, head in (
        ("a", "# Generated by iptables-save v1.8.9\n"),
        ("b", "# Generated by iptables-nft-save v1.8.9 (nf_tables)\n"),
    ):
        (tmp_path / name).write_text(f"{head}*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\nCOMMIT\n")
    found = shown(tmp_path, "INPUT")
    names = [chain["name"] for f in found["families"] for t in f["tables"] for chain in t["listed"]]
    assert len(names) == 2
    assert len(set(names)) == 2
