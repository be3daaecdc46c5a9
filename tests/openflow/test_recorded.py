"""What a real ovs-vswitchd printed and traced: recordings beside the checkout."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ruleparse.openflow.bridges import read_bridges
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.read import read_flows
from ruleparse.openflow.syntax import flow_parser
from ruleparse.snapshot import Snapshot
from ruleparse.text import Source, Span
from ruleparse.why_bridge import BridgeOutcome, why_bridge
from tests.bridges import ask, path, ports_of, show

REFUSED = {
    "set_field:0x3->ct_mark,ct(table=1)",
    "write_actions(output:4),output:3,goto_table:2",
    "write_actions(output:4,set_field:10->ip_dscp),goto_table:1",
}
"""Actions that the switch of the recordings would not load."""


def rows(file: Path) -> Iterator[Any]:
    with gzip.open(file, "rt") as lines:
        yield from map(json.loads, lines)


def test_flows_print_in_its_canonical_form(shared_data):
    parser = flow_parser()
    texts = (
        t
        for row in list(rows(shared_data / "ovs-parse-open.jsonl.gz"))[::9]
        for d in row.get("dumps", {}).values()
        for t in d.values()
    )
    wrong = []
    for text in texts:
        for line in text.splitlines() if isinstance(text, str) else text:
            if "actions=" in line:
                span = Span(Source("dump", line), 0, len(line))
                if str(Flow(parser.parse(span), span)) != line.strip():
                    wrong.append(line)
    assert wrong == []


def test_replayed_shapes_equal_the_grammar(shared_data):
    parser = flow_parser()
    for file in sorted((shared_data / "dumps" / "ovs-flows").iterdir())[::12]:
        dump = read_flows(Source.from_path(file))
        for span in [span for table in dump.tables for span in dump.lines(table)][:40]:
            try:
                direct = parser.directly(span)
            except Exception as error:
                with pytest.raises(type(error)):
                    parser.parse(span)
            else:
                assert parser.parse(span) == direct


def recorded_ports(actions: str | None) -> list[int]:
    """The ports among datapath actions, copies of copies with them; 100 is the local one."""
    flat = re.sub(r"check_pkt_len\(size=\d+,gt\((\d+)\),le\((\d+)\)\)", r"\1,\2", actions or "")
    found, depth, word = [], 0, ""
    for c in flat.replace("clone(", "").replace("clone", "") + ",":
        depth += {"(": 1, ")": -1}.get(c, 0)
        if c == "," and depth <= 0:
            found += [65534 if word == "100" else int(word)] if word.strip(")").isdecimal() else []
            word, depth = "", 0
        else:
            word += c
    return found


def recorded_path(matched: list[str]) -> list[tuple[int, int | None]]:
    found = []
    for step in matched:
        priority = re.search(r"priority (\d+)", step)
        found.append((int(step.partition(".")[0]), int(priority[1]) if priority else None))
    return found


def test_every_probe_is_answered_as_the_switch_did(shared_data):
    probes = list(rows(shared_data / "ovs-traps.jsonl.gz"))
    assert len(probes) == 84
    for probe in probes:
        flows = [f for f in probe["flows"] if not any(f.endswith(refused) for refused in REFUSED)]
        states = [probe["opts"][n + 1] for n, o in enumerate(probe["opts"]) if o == "--ct-next"]
        answer = ask("\n".join(flows), probe["packet"], "\n".join(probe["groups"]), states)
        wanted = recorded_path(probe["matched"]), sorted(p for a in probe["dp_actions"] for p in recorded_ports(a))
        given = [(path(o), ports_of([o])) for o in answer.outcomes]
        if probe["probe"] == "check_pkt_larger forks":
            assert sorted(p for _, ports in given for p in ports) == wanted[1]
        else:
            assert wanted in given, probe["probe"]


@pytest.mark.parametrize("part", range(4))
def test_recorded_packets_walk_as_ofproto_trace_said(shared_data, part):
    for case in list(rows(shared_data / "ovs-open.jsonl.gz"))[part::40]:
        bridges = read_bridges(
            [Source("flows.txt", case["dump"]["of15_names_nostats"])],
            [Source("groups.txt", case["dump"]["groups15"])],
            [Source("ports.txt", show(case["ports"]))],
        )
        snapshot = Snapshot(bridges=bridges)
        for n, packet in enumerate(case["packets"]):
            states = [packet["opts"][i + 1] for i, o in enumerate(packet["opts"]) if o == "--ct-next"]
            answer = why_bridge(snapshot, {"flow": packet["flow"], "ct_next": states})
            assert any(agrees(o, packet) for o in answer.outcomes), f"{case['id']}, packet {n}"


def agrees(outcome: BridgeOutcome, packet: Any) -> bool:
    steps = [
        (s["table"], s["priority"])
        for segment in packet["segments"]
        for s in segment["steps"]
        if s["priority"] is not None
    ]
    found = [step for step in path(outcome) if step[1] is not None]
    return found == steps and ports_of([outcome]) == sorted(65534 if p == 100 else p for p in packet["outputs"])
