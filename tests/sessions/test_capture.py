"""Captures: when a packet was seen is when it arrives."""

import io
import json
import struct

from click.testing import CliRunner

from ruleparse.capture import read
from ruleparse.cli import group
from tests.oracle import wire

_RAW_IP = 101
_FRIDAY_NIGHT = 1795834800  # 2026-11-28T03:00:00Z
RULES = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m time --timestart 22:00:00 --timestop 06:00:00 --weekdays Fri --contiguous -j DROP
COMMIT
"""


def capture(*moments: int) -> bytes:
    ip = wire.Packet(src="192.0.2.1", dst="127.0.0.1", proto=17, sport=1, dport=2).encode()
    frames = [struct.pack("<IIII", moment, 0, len(ip), len(ip)) + ip for moment in moments]
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW_IP) + b"".join(frames)


def test_a_frame_has_its_moment():
    assert [frame.seconds for frame in read(io.BytesIO(capture(_FRIDAY_NIGHT, 5)))] == [_FRIDAY_NIGHT, 5]


def verdicts(tmp_path, *options: str) -> list[set[str]]:
    (tmp_path / "rules").write_text(RULES)
    (tmp_path / "pcap").write_bytes(capture(_FRIDAY_NIGHT, _FRIDAY_NIGHT + 86400))
    words = ["why", str(tmp_path / "rules"), "--pcap", str(tmp_path / "pcap"), "--local", "--format", "jsonl", *options]
    ran = CliRunner().invoke(group, words)
    assert ran.exit_code == 0, ran.output
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert not any("time of day" in a["question"] for x in answers for o in x["outcomes"] for a in o["assumptions"])
    return [{o["verdict"] for o in x["outcomes"] if not o["reason"]} for x in answers]


def test_rules_that_look_at_the_time_see_that_of_the_capture(tmp_path):
    assert verdicts(tmp_path) == [{"drop"}, {"accept"}]


def test_a_time_that_is_given_goes_before(tmp_path):
    assert verdicts(tmp_path, "--at", "2026-11-27T23:00+01:00") == [{"drop"}, {"drop"}]
