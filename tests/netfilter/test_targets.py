"""Every target, by rows of tests/tables/targets.toml: a rule, a packet before it, the packet after it."""

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from ruleparse import bits
from ruleparse.codec import address, interface
from ruleparse.evaluate import End, walk
from ruleparse.netfilter import fields, registry, wire
from ruleparse.netfilter.facts import Facts
from ruleparse.netfilter.ipset import read_sets
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.netfilter.save import BUILT_IN, read
from ruleparse.packet import Packet, Unknowns
from ruleparse.program import Rule, Set, Table
from ruleparse.text import Source
from tests.places import TABLES

ROWS: list[dict[str, Any]] = tomllib.loads((TABLES / "targets.toml").read_text())["row"]
STATES = {name: getattr(fields, name) for name in ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED")}
SELF, LEAVING = address("192.0.2.1"), address("192.0.2.2")


def number(field: str, written: str | int) -> int:
    """A field's value as a row writes it."""
    if isinstance(written, int):
        return written
    if field in ("in", "out"):
        return interface(written)
    return STATES[written] if field == "ct_state" else address(written)


def program(row: Mapping[str, Any]) -> NetfilterProgram:
    table, chain = row.get("table", "mangle"), row.get("chain", "T")
    declared = f":{chain} {'ACCEPT' if chain in BUILT_IN[table] else '-'} [0:0]\n"
    text = f"*{table}\n{declared}:LATER - [0:0]\n-A {chain} {row['rule']}\nCOMMIT\n"
    dump = read(Source("dump", text), family_hint=row.get("family", 4))
    assert not dump.diagnostics
    sets, wrong = read_sets([Source("sets", row["sets"])]) if "sets" in row else (None, [])
    assert not wrong
    facts = Facts(sets)
    found = NetfilterProgram(row.get("family", 4), dump.rulesets, facts, NAT_TABLES)
    assert found[f"{table} {chain}"].rules
    assert [d.message for d in found.diagnostics] == row.get("problems", [])
    return found


NAT_TABLES = {
    "redirect": Table("redirect", [Rule((), (Set("dst", SELF),))]),
    "masquerade": Table("masquerade", [Rule((), (Set("src", LEAVING),))]),
}
"""What addresses of the node the kernel would take is said elsewhere."""


def verdict(end: End) -> str:
    if end.table is None:
        return "goes on"
    return f"{end.stop.verdict} {end.stop.detail or ''}".strip()


class Told(dict[tuple[str, object], int]):
    """Answers by the words of questions, whatever they are about."""

    def __init__(self, answers: dict[str, int]) -> None:
        super().__init__()
        self.answers = answers

    def __bool__(self) -> bool:
        return bool(self.answers)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and key[0] in self.answers

    def __getitem__(self, key: tuple[str, object]) -> int:
        return self.answers[key[0]]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['rule']} | {row.get('before', {})}")
def test_a_target_does_what_its_row_says(row):
    before = {field: number(field, v) for field, v in row.get("before", {}).items()}
    packet = Packet(before, Unknowns())
    answers = Told(row.get("answers", {}))
    walked = walk(program(row), f"{row.get('table', 'mangle')} {row.get('chain', 'T')}", packet, answers)
    ends = [end for end in walked.ends if end.when is not False]
    assert sorted({verdict(end) for end in ends}) == sorted(row.get("ends", ["goes on"]))
    assert [q for q, _ in packet.unknowns.assumptions] == row.get("asks", [])
    counted = bits.any_of(hit.when for hit in walked.hits if hit.rule.number == 1)
    assert counted is True, "the rule counts the packet whatever it does to it"
    assert sum(hit.when is True for hit in walked.hits if hit.rule.number == 1) <= 1
    if "asks" not in row:
        check_fields(row, packet, *ends)


def check_fields(row: Mapping[str, Any], before: Packet, end: End) -> None:
    """What a row mentions is as it says, and nothing else has changed."""
    after = {field: number(field, v) for field, v in row.get("after", {}).items()}
    between: dict[str, list[str | int]] = row.get("between", {})
    for field, now in end.packet.values.items():
        if field in between:
            low, high = (number(field, v) for v in between[field])
            assert not isinstance(now, int)
            assert holds(end, bits.between(now, low, high)), field
            assert not holds(end, bits.between(now, low + 1, high)), field
            assert not holds(end, bits.between(now, low, high - 1)), field
        elif field not in UNTOLD:
            assert holds(end, bits.equal(now, after.get(field, before[field]))), f"{field} is {now}"
    assert after.keys() | between.keys() <= end.packet.values.keys()


UNTOLD = {"dst_nat_rule", "src_nat_rule", "decided", "npt_before", "port_fixed", "port_ranged", "sets_changed"}


def holds(end: End, condition: bits.Bool) -> bool:
    """Whether a condition holds wherever the walk ends so."""
    return bits.without(end.when, condition) is False


def test_every_target_has_a_row():
    told = {word for row in ROWS for word in row["rule"].split()}
    assert set(registry.target_names()) - told == set()


@pytest.mark.parametrize("name", registry.target_names())
def test_a_declaration_is_complete(name):
    target = registry.target(name)
    assert target is not None
    assert target.name == name
    assert target.doc.strip().endswith(".")
    names = [n for option in target.options for n in option.names]
    assert len(names) == len(set(names))
    assert all(n.startswith("--") for n in names)
    assert set(target.tables) <= BUILT_IN.keys()


# TCP options, which only packets given byte by byte have


def syn(*options: int, data: bytes = b"") -> Packet:
    """A SYN with these octets of options."""
    header = bytes([0, 80, 0, 81, 0, 0, 0, 0, 0, 0, 0, 0, (20 + len(options)) // 4 << 4, 2, 0, 0, 0, 0, 0, 0])
    body = header + bytes(options) + data
    raw = bytes([0x45, 0, 0, 20 + len(body), 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]) + body
    return Packet(wire.fields_of(raw), Unknowns(), raw)


MSS_1460, TIMESTAMPS = (2, 4, 1460 >> 8, 1460 & 255), (1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("first", "then", "packet", "matches"),
    [
        ("TCPMSS --set-mss 1360", "tcpmss --mss 1360", syn(*MSS_1460), True),
        ("TCPMSS --set-mss 1360", "tcpmss --mss 1460", syn(*MSS_1460), False),
        ("TCPMSS --set-mss 1500", "tcpmss --mss 1460", syn(*MSS_1460), True),
        ("TCPMSS --set-mss 1360", "tcpmss --mss 1360", syn(*TIMESTAMPS, *MSS_1460), True),
        ("TCPMSS --set-mss 536", "length --length 56", syn(*TIMESTAMPS, data=b"1234"), True),
        ("TCPMSS --set-mss 536", "length --length 44", syn(), True),
        ("TCPMSS --set-mss 536", "length --length 44", syn(*MSS_1460), True),
        ("TCPMSS --set-mss 536", "tcp --tcp-option 2", syn(), None),
        ("TCPMSS --clamp-mss-to-pmtu", "tcpmss --mss 1360", syn(*MSS_1460), None),
        ("TCPOPTSTRIP --strip-options 8", "tcp --tcp-option 8", syn(*TIMESTAMPS), False),
        ("TCPOPTSTRIP --strip-options 2", "tcp --tcp-option 8", syn(*TIMESTAMPS), True),
        ("TCPOPTSTRIP --strip-options 2", "tcpmss --mss 1460", syn(*MSS_1460), False),
        ("TCPOPTSTRIP --strip-options 2", "tcp --tcp-option 1", syn(*MSS_1460), True),
    ],
)
def test_a_rule_sees_the_options_that_an_earlier_one_left(first, then, packet, matches):
    rules = f"-A T -p tcp -m tcp --tcp-flags SYN,RST SYN -j {first}\n-A T -p tcp -m {then} -j DROP\n"
    dump = read(Source("dump", f"*mangle\n:T - [0:0]\n{rules}COMMIT\n"), family_hint=4)
    found = NetfilterProgram(4, dump.rulesets, Facts(), {})
    walked = walk(found, "mangle T", packet)
    dropped = bits.any_of(end.when for end in walked.ends if end.stop.verdict == "drop")
    assert (dropped if isinstance(dropped, bool) else None) is matches


@pytest.mark.parametrize("rule", ["TCPMSS --set-mss 536", "TCPOPTSTRIP --strip-options 2"])
def test_options_cut_short_are_dropped(rule):
    whole = syn(*TIMESTAMPS)
    assert whole.raw is not None
    raw = whole.raw[:3] + bytes([44]) + whole.raw[4:44]
    dump = read(Source("dump", f"*mangle\n:T - [0:0]\n-A T -p tcp -j {rule}\nCOMMIT\n"), family_hint=4)
    found = NetfilterProgram(4, dump.rulesets, Facts(), {})
    walked = walk(found, "mangle T", Packet(wire.fields_of(raw), Unknowns(), raw))
    assert [end.stop.verdict for end in walked.ends] == ["drop"]
