"""Asks ruleparse what becomes of recorded packets."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.oracle.recording import Record

#: file of a saved node <- key of a recording
NODE = {
    "iptables-save.txt": "dump", "ipset-save.txt": "ipset", "ip-link.txt": "ip_link", "ip-addr.txt": "ip_addr",
    "ip-route.txt": "ip_route_all", "ip-rule.txt": "ip_rule", "ip6-rule.txt": "ip6_rule", "sysctl.txt": "sysctl",
}  # fmt: skip
_QUESTION = {"n": "id", "in": "in", "hex": "hex", "smac": "src_mac", "dmac": "dst_mac", "uid": "uid"}
_CHECKOUT = Path(__file__).parents[2]
_PATIENCE = 600


class NoAnswerError(Exception):
    """ruleparse failed, or said something that is not JSON."""


def write_node(folder: Path, record: Record) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, key in NODE.items():
        if record[key]:
            (folder / name).write_text(record[key])


def write_packets(file: Path, packets: list[Record]) -> None:
    """Those that were sent: a socket may not be allowed to."""
    sent = (packet for packet in packets if packet.get("errno") != "EADDRNOTAVAIL")
    rows = [{key: packet[ours] for ours, key in _QUESTION.items() if ours in packet} for packet in sent]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def ask(record: Record, stateful: bool = False) -> dict[int, Any]:
    """The answers by packet number."""
    with tempfile.TemporaryDirectory(prefix="rp_") as name:
        folder = Path(name)
        write_node(folder / "node", record)
        write_packets(folder / "packets.jsonl", record["packets"])
        return ask_about(folder / "node", folder / "packets.jsonl", stateful)


def ask_about(node: Path, packets: Path, stateful: bool = False) -> dict[int, Any]:
    argv = [sys.executable, "-m", "ruleparse", "why", str(node), "--packets", str(packets), "--format", "jsonl"]
    argv += ["--stateful"] if stateful else []
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_PATIENCE, cwd=_CHECKOUT, check=False)
        answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"no answer in {_PATIENCE} s") from None
    except (ValueError, KeyError, TypeError) as broken:
        raise NoAnswerError(f"not the promised JSON: {broken}") from None
    if not answers:
        raise NoAnswerError((done.stderr.strip().splitlines() or ["no output"])[-1])
    return answers
