"""The evaluator's own rules, one small program each; tests/test_reference.py holds it against a naive one."""

import pytest

import ruleparse.netfilter.fields  # noqa: F401 (declares the fields that are spoken of here)
from ruleparse import bits
from ruleparse.evaluate import walk
from ruleparse.packet import Packet, Unknowns, assumption
from ruleparse.program import Add, Call, Copy, Emit, Fork, Goto, Havoc, Masked, Note, Return, Rule, Set, Stop, Table

MARK_IS_1, PORT_IS_80 = Masked("mark", 1, -1), Masked("dport", 80, -1)


def rule(*parts) -> Rule:
    return Rule(tuple(p for p in parts if isinstance(p, Masked)), tuple(p for p in parts if not isinstance(p, Masked)))


def table(name, *rules, policy=None, base=False) -> Table:
    return Table(name, rules, rule(policy) if policy else rule(Return()), base)


def run(*tables: Table, **values):
    return walk({t.name: t for t in tables}, tables[0].name, Packet(values))


DROP, ACCEPT = Stop("drop"), Stop("accept")


@pytest.mark.parametrize(
    ("tables", "verdict"),
    [
        ([table("A", rule(DROP))], "drop"),
        ([table("A")], "accept"),  # a walk that comes back is let through
        ([table("A", policy=DROP)], "drop"),
        ([table("A", rule(Return()), rule(DROP), policy=ACCEPT)], "accept"),
        ([table("A", rule(Return()), policy=DROP, base=True)], "drop"),  # a base chain's RETURN is its policy
        ([table("A", rule(Return()), policy=DROP)], "accept"),
        ([table("A", rule(Call("B")), rule(DROP)), table("B", rule(Return()))], "drop"),
        ([table("A", rule(Call("B")), rule(DROP)), table("B", rule(ACCEPT))], "accept"),
        ([table("A", rule(Call("B", ("accept",))), rule(DROP)), table("B", rule(ACCEPT))], "drop"),
        ([table("A", rule(Call("B", ("accept",)))), table("B", rule(DROP))], "drop"),
        ([table("A", rule(Goto("B")), rule(DROP)), table("B", rule(Return()))], "accept"),
        ([table("A", rule(Call("B")), rule(DROP)), table("B", rule(Goto("C"))), table("C", rule(Return()))], "drop"),
        ([table("A", rule(Goto("B")), policy=DROP, base=True), table("B", rule(Return()))], "drop"),
        ([table("A", rule(Call("A")))], "drop"),  # without end
        ([table("A", rule(Fork("B"))), table("B", rule(Set("mark", 1)))], "accept"),
    ],
)
def test_where_a_walk_ends(tables, verdict):
    (end,) = run(*tables).ends
    assert end.stop.verdict == verdict


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Set("mark", 5), 5),
        (Set("mark", 5, 1), 0x12 ^ 5),
        (Set("mark", 0, 2), 0x10),
        (Copy("mark", "dport"), 80),
        (Copy("mark", "dport", 0xFF00, 0xF, 8), 0x12),
        (Copy("mark", "dport", -1, -1, -4), 5),
        (Add("mark", 3, 0, 255), 0x15),
        (Add("mark", -100, 0, 255), 0),
        (Add("mark", 500, 0, 255), 255),
        (Note("nothing"), 0x12),
    ],
)
def test_what_an_action_writes(action, expected):
    (end,) = run(table("A", rule(action)), mark=0x12, dport=80).ends
    assert end.packet["mark"] == expected


def test_a_rule_sees_what_earlier_ones_wrote():
    found = run(table("A", rule(Set("mark", 1)), rule(MARK_IS_1, DROP)), mark=0)
    assert [end.stop.verdict for end in found.ends] == ["drop"]
    assert [hit.packet["mark"] for hit in found.hits] == [0, 1]


def test_actions_behind_a_stop_are_not_done():
    (end,) = run(table("A", rule(Set("mark", 1), DROP, Set("mark", 2))), mark=0).ends
    assert end.packet["mark"] == 1


def test_a_fork_leaves_the_original_as_it_was():
    found = run(
        table("A", rule(Fork("B")), rule(Emit("1"))),
        table("B", rule(Set("mark", 7)), rule(Emit("2")), rule(DROP)),
        mark=0,
    )
    assert [(e.stop.verdict, e.stop.reason, e.packet["mark"]) for e in found.ends] == [
        ("output", "2", 7),
        ("drop", None, 7),
        ("output", "1", 0),
        ("accept", None, 0),
    ]


# Packets of which something is not known


@pytest.fixture
def unknown():
    """A packet whose port nobody said."""
    unknowns = Unknowns()
    return Packet({"mark": 0, "dport": unknowns.field("dport")}, unknowns)


def test_a_rule_that_may_hit_changes_the_packet_where_it_does(unknown):
    (end,) = walk({"A": table("A", rule(PORT_IS_80, Set("mark", 1)))}, "A", unknown).ends
    is_80 = bits.equal_masked(unknown["dport"], 80, -1)
    assert end.when is True
    assert bits.equal_masked(end.packet["mark"], 1, -1) == is_80
    assert bits.equal_masked(end.packet["mark"], 0, -1) == bits.negate(is_80)


def test_ends_part_all_that_was_asked_among_them(unknown):
    below_1024 = Masked("dport", 0, 0xFC00)
    tables = {
        "A": table("A", rule(PORT_IS_80, DROP), rule(below_1024, Call("B")), rule(Stop("reject"))),
        "B": table("B", rule(ACCEPT)),
    }
    found = walk(tables, "A", unknown)
    assert [e.stop.verdict for e in found.ends] == ["drop", "accept", "reject"]
    assert bits.any_of(e.when for e in found.ends) is True
    assert [bits.both(a.when, b.when) for a in found.ends for b in found.ends if a is not b] == [False] * 6


def test_only_what_was_asked_about_is_walked(unknown):
    is_80 = bits.equal_masked(unknown["dport"], 80, -1)
    found = walk({"A": table("A", rule(PORT_IS_80, DROP), rule(Set("mark", 2)))}, "A", unknown, reach=is_80)
    assert [(e.stop.verdict, e.when) for e in found.ends] == [("drop", is_80)]
    assert len(found.hits) == 1


def test_a_change_of_all_that_is_left_is_plain(unknown):
    """Where other packets have come to their ends, nobody asks what this field holds for them."""
    (_, rest) = walk({"A": table("A", rule(PORT_IS_80, DROP), rule(Set("mark", 2)))}, "A", unknown).ends
    assert rest.packet["mark"] == 2


def test_a_change_of_some_is_not(unknown):
    below_1024 = Masked("dport", 0, 0xFC00)
    program = {
        "A": table("A", rule(PORT_IS_80, DROP), rule(below_1024, Call("B"))),
        "B": table("B", rule(Set("mark", 2))),
    }
    rest = walk(program, "A", unknown).ends[-1]
    assert bits.both(rest.when, bits.equal_masked(rest.packet["mark"], 2, -1)) == bits.without(
        bits.equal_masked(unknown["dport"], 0, 0xFC00), bits.equal_masked(unknown["dport"], 80, -1)
    )


def test_a_number_of_the_systems_own_stays_within_its_bounds(unknown):
    havoc = Havoc("sport", 1000, 1003, assumption("which port"))
    (end,) = walk({"A": table("A", rule(havoc))}, "A", unknown).ends
    port = end.packet["sport"]
    assert bits.both(end.when, bits.negate(bits.between(port, 1000, 1003))) is False
    assert all(bits.both(end.when, bits.equal_masked(port, n, -1)) is not False for n in range(1000, 1004))
    (answered,) = walk({"A": table("A", rule(havoc))}, "A", unknown, {("sport: which port", None): 1002}).ends
    assert (answered.when, answered.packet["sport"]) == (True, 1002)


def test_the_same_question_has_the_same_answer(unknown):
    first, again, other = (unknown.unknowns.ask(assumption(words)) for words in ("a", "a", "b"))
    assert first == again
    assert first != other
    assert unknown.unknowns.ask(assumption("a"), about=1) != first


def test_what_a_rule_writes_before_it_stops_is_seen_by_nobody_behind_it():
    unknowns = Unknowns()
    packet = Packet({"mark": 0}, unknowns)
    inner = table("B", rule(PORT_IS_80, Set("mark", 1), ACCEPT), rule(Masked("dport", 81, -1), Set("mark", 2), ACCEPT))
    found = walk({t.name: t for t in (table("A", rule(Call("B", ("accept",)))), inner)}, "A", packet)
    assert [hit.packet["mark"] for hit in found.hits if hit.table is inner] == [0, 0, 0]
    (end,) = found.ends
    for port, mark in ((80, 1), (81, 2), (82, 0)):
        here = bits.equal_masked(packet["dport"], port, -1)
        assert bits.without(here, bits.equal_masked(end.packet["mark"], mark, -1)) is False
