"""A long chain is walked by an index: with it and without it the same rules hold, in the same order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleparse.codec import address
from ruleparse.evaluate import walk
from ruleparse.netfilter.chain_rules import LONG
from ruleparse.packet import Packet, Unknowns
from ruleparse.program import Table
from ruleparse.snapshot import load

HOSTS = [f"10.0.0.{n}" for n in range(4)]
RULES = [
    "-A LONG -d {}/32 -j MARK --set-xmark 0x1/0x1",
    "-A LONG -d {}/32 -p tcp -m tcp --dport 80 -j RETURN",
    "-A LONG -s 10.9.0.0/16 -d {}/32 -j ACCEPT",
    "-A LONG ! -s 10.9.0.0/16 -d {}/32 -j DROP",
    "-A LONG ! -d {}/32 -j MARK --or-mark 0x2",
    "-A LONG -d {}/31 -j MARK --or-mark 0x4",
    '-A LONG -m comment --comment "-d {}/32 -j DROP" -j MARK --or-mark 0x8',
    '-A LONG -s 10.9.0.0/16 -m comment --comment " -d {}/32 " -j MARK --or-mark 0x10',
    "[7:420] -A LONG -d {}/32 -j MARK --or-mark 0x20",
    "-A LONG -m mark --mark 0x1/0x1 -j MARK --or-mark 0x40",
    "-A LONG -p tcp -d {}/32 -j MARK --or-mark 0x80",
]
FILLER = [f"-A LONG -d 172.16.{n >> 8}.{n & 255}/32 -j DROP" for n in range(LONG)]
LINES = st.builds(str.format, st.sampled_from(RULES), st.sampled_from(HOSTS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("long")


def program(folder, rules):
    path = folder / "iptables-save.txt"
    lines = ["*filter", ":FORWARD ACCEPT [0:0]", ":LONG - [0:0]", "-A FORWARD -j LONG", *rules, "COMMIT"]
    path.write_text("\n".join(lines) + "\n")
    return load([path]).program(4)


def unindexed(table: Table) -> Table:
    return Table(table.name, list(table.rules), table.default, table.base, table.group, table.label)


def seen(found):
    return [(h.table.name, h.rule.number, h.when) for h in found.hits], [(e.stop, e.when) for e in found.ends]


@settings(max_examples=60)
@given(
    st.lists(LINES, max_size=12),
    st.integers(0, LONG),
    st.sampled_from([*HOSTS, "172.16.0.9", "192.0.2.1"]),
    st.sampled_from(["10.9.0.1", "10.8.0.1"]),
)
def test_an_index_changes_nothing(folder, lines, at, dst, src):
    found = program(folder, [*FILLER[:at], *lines, *FILLER[at:]])
    plain = {name: unindexed(found[name]) for name in ("filter FORWARD", "filter LONG")}
    packet = Packet({"src": address(src), "dst": address(dst), "proto": 6, "dport": 80, "hook": 2})
    assert found["filter LONG"].narrow is not None
    assert seen(walk(found, "filter FORWARD", packet)) == seen(walk(plain, "filter FORWARD", packet))


def test_an_index_leaves_few_rules(folder):
    table = program(folder, FILLER)["filter LONG"]
    assert [r.number for r in table.rules_for(Packet({"dst": address("172.16.0.9")}))] == [10]
    assert list(table.rules_for(Packet({"dst": address("192.0.2.1")}))) == []


def test_without_a_destination_all_rules_are_looked_at(folder):
    table = program(folder, FILLER)["filter LONG"]
    unknowns = Unknowns(sizes={"dst": 32})
    assert len(list(table.rules_for(Packet({}, unknowns)))) == LONG
    assert len(list(table.rules_for(Packet({"dst": unknowns.field("dst")}, unknowns)))) == LONG


def test_short_chains_have_no_index(folder):
    assert program(folder, FILLER[:-1])["filter LONG"].narrow is None


def test_a_chain_reads_as_a_sequence(folder):
    rules = program(folder, FILLER)["filter LONG"].rules
    assert len(rules) == LONG
    assert [rules[0].number, rules[-1].number] == [1, LONG]
    assert [r.number for r in rules[1:3]] == [2, 3]
    assert rules[0] is rules[0]
