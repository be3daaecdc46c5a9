"""What counts as right, unknown and wrong, and how rulesets are made small; no kernel needed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.compare import EXACT, SILENT, UNKNOWN, WRONG, judge
from tests.oracle.dump import extensions
from tests.oracle.shrink import shrink

SEEN: dict[str, Any] = {
    "src": "10.0.0.1",
    "dst": "10.0.0.2",
    "sport": 4000,
    "dport": 53,
    "ttl": 63,
    "tos": 0,
}
FORWARDED = {
    "verdict": "forward",
    "out": {"at": "eth1", "f": SEEN, "mark": 4},
    "hits": [["filter", "a", 1, 2], ["filter", "FORWARD", 0, 1]],
}
STEPS = [
    {"table": "filter", "chain": "a", "rule": 1},
    {"table": "filter", "chain": "a", "rule": 1},
    {"table": "filter", "chain": "FORWARD", "rule": 0},
]
ACCEPTED = {
    "verdict": "accept",
    "egress": "eth1",
    "packet": {**SEEN, "mark": 4},
    "steps": STEPS,
    "probability": 1.0,
}
REJECTED = {
    "verdict": "drop",
    "by": ["filter", "FORWARD", 2],
    "gen": [{"kind": "tcp-reset"}],
    "hits": [["filter", "FORWARD", 2, 1]],
}
BY_RULE = {
    "verdict": "reject",
    "decided_by": {"table": "filter", "chain": "FORWARD", "rule": 2},
    "reject_with": "tcp-reset",
    "steps": [{"table": "filter", "chain": "FORWARD", "rule": 2}],
}
DROPPED_BY_CHANCE = {"verdict": "drop", "by": "kernel", "hits": []}
LOST = {"verdict": "drop", "reason": "by chance", "steps": [], "probability": 0.5}
MAYBE = {**ACCEPTED, "probability": 0.5}


@pytest.mark.parametrize(
    ("truth", "outcomes", "kind", "what"),
    [
        (FORWARDED, [ACCEPTED], EXACT, ""),
        (FORWARDED, [{**ACCEPTED, "assumptions": [{"question": "src in set s"}]}], UNKNOWN, ""),
        (FORWARDED, [ACCEPTED, LOST], UNKNOWN, ""),
        (FORWARDED, [MAYBE, LOST], EXACT, ""),
        (FORWARDED, [], SILENT, "outcomes"),
        (FORWARDED, [LOST], WRONG, "verdict"),
        (FORWARDED, [{**ACCEPTED, "egress": "eth2"}], WRONG, "egress"),
        (FORWARDED, [{**ACCEPTED, "packet": {**SEEN, "ttl": 64, "mark": 4}}], WRONG, "ttl"),
        (FORWARDED, [{**ACCEPTED, "packet": SEEN}], WRONG, "mark"),
        (FORWARDED, [{**ACCEPTED, "steps": STEPS[1:]}], WRONG, "hits"),
        (FORWARDED, [LOST, {**ACCEPTED, "steps": STEPS[1:]}], WRONG, "hits"),
        (REJECTED, [BY_RULE], EXACT, ""),
        (REJECTED, [{**BY_RULE, "verdict": "drop"}], EXACT, ""),
        (REJECTED, [{**BY_RULE, "decided_by": None}], WRONG, "by"),
        (REJECTED, [{**BY_RULE, "reject_with": None}], WRONG, "reject_with"),
        ({**FORWARDED, "alts": [DROPPED_BY_CHANCE]}, [MAYBE, LOST], EXACT, ""),
        ({**FORWARDED, "alts": [DROPPED_BY_CHANCE]}, [ACCEPTED], WRONG, "verdict"),
    ],
)
def test_judgement(truth: dict[str, Any], outcomes: list[dict[str, Any]], kind: str, what: str) -> None:
    judgement = judge(truth, {"outcomes": outcomes})
    assert (judgement.kind, judgement.what) == (kind, what)


@pytest.mark.parametrize(
    ("rule", "used"),
    [
        ("-p tcp -m tcp --dport 80 -j ACCEPT", {"-p", "tcp", "ACCEPT"}),
        ("! -s 10.0.0.0/8 -g cali-x", {"-s", "goto"}),
        ('-m comment --comment "-j DROP -m mark" -j KUBE-SVC', {"comment", "jump"}),
        ("", set()),
    ],
)
def test_extensions_of_a_rule(rule: str, used: set[str]) -> None:
    assert extensions(rule) == used


def test_shrinking_leaves_what_matters() -> None:
    dump = (
        "*filter\n:FORWARD ACCEPT [0:0]\n:a - [0:0]\n:b - [0:0]\n"
        "-A FORWARD -j a\n-A FORWARD -j b\n-A a -p tcp\n-A a -p udp -j DROP\n-A b -j ACCEPT\nCOMMIT\n"
        "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n"
    )

    def still_wrong(rules: str) -> bool:
        return "-A FORWARD -j a" in rules and "-A a -p udp -j DROP" in rules

    assert shrink(dump, still_wrong, seconds=10) == (
        "*filter\n:FORWARD ACCEPT [0:0]\n:a - [0:0]\n-A FORWARD -j a\n-A a -p udp -j DROP\nCOMMIT\n"
    )
