"""Folders from which a disagreement can be looked at, and played again: saved node, packet, truth and answer."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.oracle import answers, play, recording
from tests.oracle.compare import WRONG, Judgement, judge, suspects
from tests.oracle.dump import Dump
from tests.oracle.kernel import Firewall
from tests.oracle.namespaces import CommandFailed
from tests.oracle.recording import Record
from tests.oracle.shrink import shrink
from tests.oracle.topology import Site


def again(firewall: Firewall, record: Record, rules: str) -> tuple[Record, Any, Judgement]:
    """Other rules, the same packets: what the kernel does to the last of them, and what ruleparse says."""
    loaded = firewall.load(record["family"], rules, record["ipset"])
    packets = [recording.packet_of(packet) for packet in record["packets"]]
    if len(packets) == 1:
        played = play.first_packets(firewall, loaded, packets)
    else:
        played = [recording.of_packet(firewall, loaded, number, firewall.send(packet, loaded))
                  for number, packet in enumerate(packets)]
    fresh = recording.of_ruleset(firewall, loaded, record["id"], record["scenario"], played)
    try:
        answer = answers.ask(fresh, stateful=len(packets) > 1).get(played[-1]["n"])
    except answers.NoAnswerError as silent:
        answer = {"error": str(silent)}
    return fresh, answer, judge(played[-1], answer)


def smaller(firewall: Firewall, record: Record, judgement: Judgement, seconds: float) -> Record:
    """The record with as few rules as still show a difference of the same kind."""

    def still_wrong(rules: str) -> bool:
        try:
            _, _, now = again(firewall, record, rules)
        except CommandFailed:
            return False
        return (now.kind, now.what) == (judgement.kind, judgement.what)

    started = time.monotonic()
    if not still_wrong(record["dump"]):
        return record
    return {**record, "dump": shrink(record["dump"], still_wrong, seconds - (time.monotonic() - started))}


def write(folder: Path, firewall: Firewall, record: Record) -> str:
    """Writes the folder; returns in a line what is wrong."""
    fresh, answer, judgement = again(firewall, record, record["dump"])
    packet = fresh["packets"][-1]
    answers.write_node(folder / "node", fresh)
    answers.write_packets(folder / "packets.jsonl", fresh["packets"])
    (folder / "site.json").write_text(json.dumps(firewall.site.as_json(), indent=1))
    (folder / "truth.json").write_text(json.dumps({**fresh, "packets": [*fresh["packets"][:-1], packet]}, indent=1))
    (folder / "answer.json").write_text(json.dumps(answer, indent=1))
    summary = describe(fresh, answer, judgement)
    (folder / "why.txt").write_text(summary)
    return summary


def describe(record: Record, answer: Any, judgement: Judgement) -> str:
    packet, dump = record["packets"][-1], Dump.read(record["dump"])
    fields = " ".join(f"{name} {value}" for name, value in packet["f"].items() if not isinstance(value, dict))
    lines = [f"{record['id']} {record['scenario']} IPv{record['family']} {record['variant']}",
             f"packet {packet['n']} entering {packet['in']}: {fields}", judgement.why or judgement.kind]
    for key in suspects(packet, answer):
        lines.append(f"  {' '.join(map(str, key))}: {rule_text(dump, key)}")
    return "\n".join(lines) + "\n"


def rule_text(dump: Dump, key: tuple[str, str, int]) -> str:
    table, chain, number = key
    rules = dump.rules.get((table, chain), [])
    return rules[number - 1] if number and number <= len(rules) else dump.policies.get((table, chain), "no such chain")


def replay(folder: Path) -> tuple[str, bool]:
    """Plays a folder again on this kernel; (what came of it, whether it is still wrong)."""
    record = json.loads((folder / "truth.json").read_text())
    site = Site.from_json(json.loads((folder / "site.json").read_text()))
    with Firewall(site, record["variant"]) as firewall:
        fresh, answer, judgement = again(firewall, record, record["dump"])
    return describe(fresh, answer, judgement), judgement.kind == WRONG
