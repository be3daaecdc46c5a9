"""`ip rule`, read."""

import json

import pytest

from ruleparse.codec import show_prefix
from ruleparse.routing.read_rule import read
from ruleparse.text import Source


def rules(text, **hints):
    found = read(Source("ip-rule.txt", text), **hints)
    assert [d.render() for d in found.diagnostics] == []
    return found.rules


def said(rule):
    """What a rule says, without what it leaves open."""
    plain = {
        name: getattr(rule, name) for name in rule.__slots__ if name not in ("span", "family", "source", "destination")
    }
    prefixes = {"from": rule.source, "to": rule.destination}
    return {
        **{name: value for name, value in plain.items() if value is not None and value is not False},
        **{name: show_prefix(value) for name, value in prefixes.items() if value is not None},
    }


ROWS = [
    ("0:\tfrom all lookup local", {"priority": 0, "action": "lookup", "table": "local"}),
    ("32766:\tfrom all lookup 254 ", {"priority": 32766, "action": "lookup", "table": "main"}),
    ("100:\tfrom 10.1.0.0/16 to 10.2.0.1 lookup 7",
     {"priority": 100, "action": "lookup", "table": "7", "from": "10.1.0.0/16", "to": "10.2.0.1/32"}),
    ("1024:\tfrom all fwmark 0x80/0x80 lookup main",
     {"priority": 1024, "action": "lookup", "table": "main", "mark": (0x80, 0x80)}),
    ("32765:\tnot from all fwmark 0xca6c lookup 51820",
     {"priority": 32765, "action": "lookup", "table": "51820", "mark": (0xCA6C, 0xFFFFFFFF), "negated": True}),
    ("9:\tfrom all iif eth1 [detached] lookup 9", {"priority": 9, "action": "lookup", "table": "9", "iif": "eth1"}),
    ("9:\tfrom all iif lo oif eth0 goto 32766",
     {"priority": 9, "action": "goto", "goto": 32766, "iif": "lo", "oif": "eth0"}),
    ("9:\tfrom all goto 77 [unresolved]", {"priority": 9, "action": "goto", "goto": 77}),
    ("9:\tfrom all tos 0x10 nop", {"priority": 9, "action": "nop", "tos": 16}),
    ("9:\tfrom all tos throughput unreachable", {"priority": 9, "action": "unreachable", "tos": 8}),
    ("9:\tfrom all uidrange 0-99 blackhole", {"priority": 9, "action": "blackhole", "uids": (0, 99)}),
    ("9:\tfrom all ipproto tcp sport 80 dport 8000-8100 prohibit",
     {"priority": 9, "action": "prohibit", "proto": 6, "sports": (80, 80), "dports": (8000, 8100)}),
    ("9:\tfrom all lookup main suppress_prefixlength 0 proto static",
     {"priority": 9, "action": "lookup", "table": "main", "suppress_prefixlength": 0}),
    ("9:\tfrom all lookup main suppress_ifgroup default",
     {"priority": 9, "action": "lookup", "table": "main", "suppress_ifgroup": "default"}),
    ("1000:\tfrom all lookup [l3mdev-table]", {"priority": 1000, "action": "lookup", "unsupported": "l3mdev"}),
    ("9:\tfrom all tun_id 7 lookup 9", {"priority": 9, "action": "lookup", "table": "9", "unsupported": "tun_id 7"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ROWS)
def test_a_rule(text, expected):
    (rule,) = rules(text + "\n")
    assert said(rule) == expected


STANDARD4 = "0:\tfrom all lookup local \n32766:\tfrom all lookup main \n32767:\tfrom all lookup default \n"
STANDARD6 = "0:\tfrom all lookup local \n32766:\tfrom all lookup main \n"


@pytest.mark.parametrize(
    ("text", "hint", "families"),
    [
        (STANDARD4, None, {4}),
        (STANDARD6, None, {6}),
        (STANDARD6, 4, {4}),
        (STANDARD4, 6, {6}),
        (STANDARD4 + STANDARD6, None, {4, 6}),
        ("0:\tfrom all lookup local\n9:\tfrom fd00::/64 lookup 7\n", 4, {6}),
        ("0:\tfrom all lookup local\n9:\tfrom 10.0.0.0/8 lookup 7\n", None, {4}),
    ],
)
def test_the_family_of_rules(text, hint, families):
    found = read(Source("x", text), family_hint=hint)
    assert found.families == families
    assert {r.family for r in found.rules} == families


def test_a_bad_line_is_told():
    found = read(Source("x", STANDARD4 + "9:\tfrom nowhere lookup 7\nnonsense\n"))
    assert len(found.rules) == 3
    assert [(d.severity, d.span and d.span.line) for d in found.diagnostics] == [("error", 4), ("error", 5)]


def test_real_dumps_are_read(shared_data):
    dumps = shared_data / "dumps"
    rows = [json.loads(line) for line in (dumps / "INDEX.jsonl").read_text().splitlines()]
    for file in [row["file"] for row in rows if row["kind"] == "ip-rule"]:
        found = read(Source.from_path(dumps / file))
        assert found.diagnostics == []
        assert found.families == {6 if "ip6-rule" in file or "-6_rule" in file else 4}
