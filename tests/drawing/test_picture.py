"""Pictures of chains and tables: what is on them, that large ones are folded and say so, that others read them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import networkx
import pytest
from pydantic import TypeAdapter

import ruleparse
from ruleparse.report.picture import FORMATS
from ruleparse.report.schema import GraphJson
from tests.command import run

CORPORA = Path("corpora")
NODES = ("calico-after", "docker", "kube-proxy-ipvs", "firewall", "antrea-2-after", "antrea-before")


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(Path(__file__).parent.parent.parent)


def drawn(*words):
    ran = run("graph", *words, "--format", "json")
    assert ran.status == 0, ran.err
    return json.loads(ran.out)


def edges(found):
    return {(e["source"], e["target"], e["kind"]) for e in found["edges"]}


def names(found):
    return {node["id"] for node in found["nodes"]}


# What is on them


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("policy.dot", ["calico-after", "--focus", "default/deny-nginx", "--depth", "2"]),
        ("service.mermaid", ["calico-after", "--focus", "default/nginx", "--depth", "1"]),
        ("docker.dot", ["docker"]),
        ("bridge.mermaid", ["antrea-2-after", "--focus", "ServiceLB", "--depth", "1"]),
    ],
)
def test_pictures(golden, name, words):
    ran = run("graph", CORPORA / words[0], *words[1:], "--format", name.rpartition(".")[2])
    assert (ran.status, ran.err) == (0, "")
    golden(f"graph/{name}.txt", ran.out)


def test_hooks_and_their_chains_share_a_cluster():
    found = drawn(CORPORA / "calico-after")
    clusters = {node["id"]: node["cluster"] for node in found["nodes"]}
    assert clusters["FORWARD"] == clusters["filter FORWARD"] == clusters["mangle FORWARD"] == "hook FORWARD"
    assert clusters["filter cali-FORWARD"] == "table filter"
    assert ("PREROUTING", "FORWARD", "goto") in edges(found)
    assert ("POSTROUTING", "PREROUTING", "goto") in edges(found)  # a packet of this node to itself
    assert "fib" not in names(found)


def test_a_hook_says_in_which_order_it_calls():
    found = drawn(CORPORA / "calico-after")
    order = {e["rule"]: e["target"] for e in found["edges"] if e["source"] == "PREROUTING" and e["kind"] == "call"}
    assert order == {1: "raw PREROUTING", 2: "mangle PREROUTING", 3: "nat PREROUTING"}


def test_edges_say_when():
    found = drawn(CORPORA / "calico-after", "--focus", "KUBE-SVC-2CMXP7HKUVJN7L6M", "--depth", "1")
    when = {e["when"] for e in found["edges"]}
    assert {"dst 10.96.120.8 tcp dport 80", "probability 0.50000000000"} <= when
    assert "not src 10.244.0.0/16 dst 10.96.120.8 tcp dport 80" in when


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("default/nginx", "nat KUBE-SVC-2CMXP7HKUVJN7L6M"),
        ("kube-system/kube-dns:dns", "nat KUBE-SVC-TCOU7JCQXEZGVUNU"),
        ("calic3082fc375c", "filter cali-tw-calic3082fc375c"),
        ("NetworkPolicy default/deny-nginx", "filter cali-pi-_NnlbWcfDakuKpqyNOF5"),
    ],
)
def test_focus_takes_names_of_kubernetes(name, there):
    found = names(drawn(CORPORA / "calico-after", "--focus", name, "--depth", "0"))
    assert there in found
    assert not any("KUBE-FORWARD" in node for node in found)


def test_depth_counts_steps():
    sizes = [
        len(names(drawn(CORPORA / "calico-after", "--focus", "cali-FORWARD", "--depth", n))) for n in ("0", "1", "2")
    ]
    assert sizes == sorted(set(sizes))
    assert sizes[0] == 1


def test_bridges_lead_on_in_all_four_ways():
    found = drawn(CORPORA / "antrea-2-after")
    assert {kind for _, _, kind in edges(found)} == {"goto", "resubmit", "recirculate", "group"}
    assert ("table ServiceLB", "group 1", "group") in edges(found)
    assert ("group 1", "table EndpointDNAT", "resubmit") in edges(found)
    assert ("table ConntrackZone", "table ConntrackState", "recirculate") in edges(found)


@pytest.mark.parametrize("name", ["IngressRule", "90", "table 90"])
def test_focus_on_a_table_of_a_bridge(name):
    assert "table 90" in names(drawn(CORPORA / "antrea-after", "--focus", name))


@pytest.mark.parametrize("words", [["--focus", "NOTHING"], ["--family", "6"], ["--bridge", "br-int"]])
def test_what_is_not_there(words):
    ran = run("graph", CORPORA / "docker", *words)
    assert (ran.status, ran.out) == (2, "")
    assert "there " in ran.err


def test_both_families_are_said_to_be_two():
    assert "--family 6" in run("graph", CORPORA / "kube-proxy-dual-stack").err


def test_a_bridge_beside_the_rules_is_drawn_when_asked_for():
    assert "--bridge NAME" in run("graph", CORPORA / "antrea-whole").err
    found = drawn(CORPORA / "antrea-whole", "--bridge", "br-int")
    assert {node["group"] for node in found["nodes"]} <= {"table", "group"}


def test_from_python():
    node = ruleparse.load("corpora/antrea-2-after")
    assert "table ServiceLB" in node.graph()
    assert "fib" in ruleparse.load("corpora/calico-after").graph()


# Large ones


@pytest.fixture
def many(tmp_path):
    chains = [f"KUBE-SVC-{n:016X}" for n in range(300)]
    lines = [f":{chain} - [0:0]" for chain in chains]
    lines += [f"-A KUBE-SERVICES -d 10.96.1.{n % 250}/32 -j {chain}" for n, chain in enumerate(chains)]
    lines += [f"-A {chain} -s 10.0.0.0/8 -j DROP" for chain in chains]
    head = "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n-A PREROUTING -j KUBE-SERVICES\n"
    (tmp_path / "rules").write_text(head + "\n".join(lines) + "\nCOMMIT\n")
    return tmp_path / "rules"


def test_chains_of_a_kind_are_one_box_and_it_says_so(many):
    found = drawn(many)
    (box,) = [node for node in found["nodes"] if node.get("chains")]
    assert (box["label"], box["chains"], box["rules"]) == ("KUBE-SVC-*", 300, 300)
    assert len([e for e in found["edges"] if e["target"] == box["id"]]) == 300
    ran = run("graph", many)
    assert "300 chains are drawn as 1 boxes" in ran.err
    assert "300 chains, 300 rules" in ran.out
    assert "… 298 more rules" in ran.out
    assert run("graph", many, "-q").err == ""


def test_all_is_all(many):
    found = drawn(many, "--all")
    assert {f"nat KUBE-SVC-{n:016X}" for n in range(300)} <= names(found)
    assert found["note"] is None


def test_what_is_in_focus_is_not_folded(many):
    found = drawn(many, "--focus", "KUBE-SVC-0000000000000007")
    assert "nat KUBE-SVC-0000000000000007" in names(found)


def test_names_that_have_nothing_in_common_are_folded_too(tmp_path):
    words = [f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}x" for n in range(400)]
    chains = "".join(f":{word} - [0:0]\n" for word in words)
    (tmp_path / "rules").write_text(f"*filter\n:FORWARD ACCEPT [0:0]\n{chains}-A FORWARD -j aax\nCOMMIT\n")
    assert len(names(drawn(tmp_path / "rules"))) < 100


# Formats

DOT = re.compile(
    r"digraph rules \{|  [ ]*(rankdir=LR;|(node|edge) \[.*\];|subgraph cluster_\d+ \{|label=Q.*;|\}|Q( -> Q)? \[.*\];)"
    r"|\}|"
)
MERMAID = re.compile(
    r"%% .*|flowchart LR|  subgraph c\d+\[Q\]|  end|[ ]+n\d+(\[Q\]|\[\[Q\]\]|\{\{Q\}\})|  n\d+ -(-|\.-)>(\|Q\|)? n\d+|"
)


def shapes(text):
    """Lines with every quoted text as Q: a quote that is not escaped would leave one over."""
    return [re.sub(r'"(?:[^"\\]|\\.)*"', "Q", line) for line in text.splitlines()]


WEIRD = 'we"ird\\chain;#<b>&'
HOSTILE = (
    f"*filter\n:FORWARD ACCEPT [0:0]\n:{WEIRD} - [0:0]\n:end - [0:0]\n-A FORWARD -s 1.2.3.4 -j {WEIRD}\n"
    '-A FORWARD -m comment --comment "\x1b[31m\\"|]" -i "a\x07" -j end\nCOMMIT\n'
)


@pytest.fixture(params=[*NODES, "hostile"])
def node(request, tmp_path):
    if request.param != "hostile":
        return CORPORA / request.param
    (tmp_path / "rules").write_text(HOSTILE)
    return tmp_path / "rules"


def test_every_line_of_dot_is_one(node):
    out = run("graph", node).out
    assert [line for line in shapes(out) if not DOT.fullmatch(line)] == []


def test_graphviz_draws_it(node):
    if shutil.which("dot") is None:
        pytest.skip("no graphviz")
    done = subprocess.run(["dot", "-Tsvg"], input=run("graph", node).out, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_line_of_mermaid_is_one(node):
    out = run("graph", node, "--format", "mermaid").out
    assert [line for line in shapes(out) if not MERMAID.fullmatch(line)] == []


def test_graphml_is_read_back(node):
    found, back = drawn(node), networkx.parse_graphml(run("graph", node, "--format", "graphml").out)
    assert (len(back), back.number_of_edges()) == (len(found["nodes"]), len(found["edges"]))
    assert {data["label"] for _, data in back.nodes(data=True)} == {
        ruleparse.text.printable(n["label"]) for n in found["nodes"]
    }


def test_json_is_what_its_schema_says(node):
    TypeAdapter(GraphJson).validate_python(drawn(node), strict=True, extra="forbid")


def test_every_format_has_every_box(node):
    found = drawn(node)
    for name in FORMATS.keys() - {"json"}:
        out = run("graph", node, "--format", name).out
        assert out.count("label=") + out.count("[") + out.count("<node") >= len(found["nodes"])
