"""Asks ruleparse what becomes of packets on a saved bridge."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.oracle.answers import NoAnswerError
from tests.oracle.ovs.pipeline import BRIDGE, Packet

_CHECKOUT = Path(__file__).parents[3]
_PATIENCE = 120


def ask(dump: dict[str, str], packets: Sequence[Packet], *, stateful: bool = False) -> list[dict[str, Any] | None]:
    """The answer about each packet, by itself or after those before it.

    Raises:
        NoAnswerError: ruleparse failed, or said something that is not JSON
    """
    with tempfile.TemporaryDirectory(prefix="rp_") as name:
        folder = Path(name)
        write_node(folder, dump, packets)
        return ask_about(folder, len(packets), stateful=stateful)


def write_node(folder: Path, dump: dict[str, str], packets: Sequence[Packet]) -> None:
    (folder / "node").mkdir(parents=True, exist_ok=True)
    for file, text in dump.items():
        (folder / "node" / file).write_text(text)
    rows = ({"id": n, "flow": packet.flow, "ct_next": list(packet.states)} for n, packet in enumerate(packets))
    (folder / "packets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def ask_about(folder: Path, how_many: int, *, stateful: bool = False) -> list[dict[str, Any] | None]:
    argv = [sys.executable, "-m", "ruleparse", "why", str(folder / "node"), "--bridge", BRIDGE]
    argv += ["--packets", str(folder / "packets.jsonl"), "--format", "jsonl", *["--stateful"] * stateful]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_PATIENCE, cwd=_CHECKOUT, check=False)
        answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"no answer in {_PATIENCE} s") from None
    except (ValueError, KeyError, TypeError) as broken:
        raise NoAnswerError(f"not the promised JSON: {broken}") from None
    if not answers:
        raise NoAnswerError((done.stderr.strip().splitlines() or ["no output"])[-1])
    return [answers.get(number) for number in range(how_many)]
