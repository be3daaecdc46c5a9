"""The way of a packet as a picture: every jump that it took is marked, and nothing else."""

import json
from pathlib import Path

import pytest

from ruleparse.drawing.walked import walked
from ruleparse.journey import why_node
from ruleparse.snapshot import load
from ruleparse.why import Step, why
from ruleparse.why_bridge import why_bridge
from tests.command import run

CORPORA = Path("corpora")
CLIENT = ["--in", "calia7a3e029a7b", "--src", "10.244.1.10", "--proto", "tcp", "--dport", "80"]
FLOW = (
    "in_port=3,tcp,dl_src=02:50:d0:00:00:03,dl_dst=02:50:d0:00:00:04,nw_src=10.244.1.10,nw_dst=10.244.1.11,"
    "nw_ttl=64,tcp_src=40000,tcp_dst=80"
)


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(Path(__file__).parent.parent.parent)


def spec(dst, **more):
    return {"in": "calia7a3e029a7b", "src": "10.244.1.10", "dst": dst, "proto": "tcp", "dport": "80", **more}


@pytest.mark.parametrize("node", ["calico-before", "calico-after", "calico-allow-team"])
@pytest.mark.parametrize("dst", ["10.244.1.11", "10.96.120.8", "198.51.100.7", "192.168.10.11", "10.96.0.99"])
def test_every_jump_is_marked_and_nothing_else(node, dst):
    snapshot = load([CORPORA / node])
    answer = why(snapshot, spec(dst))
    graph = walked(snapshot, answer)
    jumps = {
        (s.place.where, s.place.rule) for o in answer.outcomes for s in o.steps if s.effect.startswith(("jump", "goto"))
    }
    marked = {(a, data["rule"]) for a, _, data in graph.edges(data=True) if "walked" in data and data["line"]}
    assert marked == jumps
    met = {s.place.where for o in answer.outcomes for s in o.steps}
    assert met <= {n for n, data in graph.nodes(data=True) if "walked" in data}


def test_fates_with_their_odds():
    snapshot = load([CORPORA / "calico-before"])
    graph = walked(snapshot, why(snapshot, spec("10.96.120.8")))
    fates = {(data["label"], data["means"]) for _, data in graph.nodes(data=True) if data.get("fate")}
    assert fates == {
        ("accepted, leaves by cali10f481c6584", "50 %"),
        ("accepted, leaves by calic3082fc375c", "50 %"),
    }
    assert {a for a, b, _ in graph.edges(data=True) if b.startswith("fate")} == {"POSTROUTING"}


@pytest.mark.parametrize("format_", ["dot", "mermaid"])
def test_a_policy_that_drops(golden, format_):
    ran = run("why", CORPORA / "calico-after", *CLIENT, "--dst", "10.244.1.11", "--format", format_)
    assert (ran.status, ran.err) == (0, "")
    golden(f"graph/why-dropped.{format_}.txt", ran.out)


def test_through_a_bridge(golden):
    ran = run("why", CORPORA / "antrea-2-after", "--bridge", "br-int", "--flow", FLOW, "--format", "mermaid")
    assert ran.status == 0
    golden("graph/why-bridge.mermaid.txt", ran.out)


def test_tables_of_a_bridge_are_marked():
    snapshot = load([CORPORA / "antrea-after"])
    answer = why_bridge(snapshot, {"bridge": "br-int", "flow": FLOW})
    graph = walked(snapshot, answer)
    met = {f"table {step.table}" for o in answer.outcomes for step in o.steps}
    assert met == {n for n, data in graph.nodes(data=True) if "walked" in data and not data.get("fate")}
    (fate,) = [n for n, data in graph.nodes(data=True) if data.get("fate")]
    assert list(graph.predecessors(fate)) == ["table 100"]


def test_a_picture_is_of_one_packet(tmp_path):
    packet = json.dumps(spec("10.244.1.11"))
    (tmp_path / "p.jsonl").write_text(f"{packet}\n")
    one = run("why", CORPORA / "calico-after", "--packets", tmp_path / "p.jsonl", "--format", "dot")
    assert one.out == run("why", CORPORA / "calico-after", *CLIENT, "--dst", "10.244.1.11", "--format", "dot").out
    (tmp_path / "p.jsonl").write_text(f"{packet}\n{packet}\n")
    assert run("why", CORPORA / "calico-after", "--packets", tmp_path / "p.jsonl", "--format", "dot").status == 2


WHOLE = {"in": "friend-93be27", "src": "10.244.1.13", "dst": "10.96.120.8", "proto": "tcp"}
WHOLE |= {"sport": "40000", "dport": "80"}


def test_through_a_bridge_and_the_rules_behind_it():
    snapshot = load([CORPORA / "antrea-whole"])
    answer = why_node(snapshot, WHOLE)
    graph = walked(snapshot, answer)
    marked = {n for n, data in graph.nodes(data=True) if "walked" in data}
    for o in answer.outcomes:
        assert {s.place.where if isinstance(s, Step) else f"br-int table {s.table}" for s in o.steps} <= marked
    crossed = {(a, b) for a, b, data in graph.edges(data=True) if data["kind"] == "crosses"}
    assert crossed == {("br-int table 110", "PREROUTING"), ("POSTROUTING", "br-int table 0")}
    fates = {data["label"] for _, data in graph.nodes(data=True) if data.get("fate")}
    assert fates == {"leaves by nginx-0-8a41d2", "leaves by nginx-1-c7703e"}


@pytest.mark.parametrize("format_", ["dot", "mermaid"])
def test_a_picture_through_both(format_):
    options = [word for key, value in WHOLE.items() for word in (f"--{key}", value)]
    ran = run("why", CORPORA / "antrea-whole", *options, "--format", format_)
    assert (ran.status, ran.err) == (0, "")
    assert "crosses" in ran.out
