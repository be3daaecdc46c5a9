"""Fields, unknowns, and the points of a region."""

import pytest

import ruleparse.netfilter.fields  # noqa: F401 (declares the fields that are spoken of here)
from ruleparse import bits
from ruleparse.packet import FIELDS, Field, Packet, Unknowns, assumption, declare


def test_a_field_that_nobody_gave():
    packet = Packet({"dport": 80})
    assert packet["dport"] == 80
    assert packet["mark"] == 0  # where the kernel leaves no choice
    assert bits.width(packet["sport"]) == FIELDS["sport"].width
    assert packet["sport"] == packet["sport"]
    assert [packet.given(name) for name in ("dport", "mark", "sport")] == [True, True, False]


def test_a_packet_with_other_values():
    packet = Packet({"dport": 80, "sport": 1})
    other = packet.but({"dport": 81})
    assert (packet["dport"], other["dport"], other["sport"]) == (80, 81, 1)
    assert other.unknowns is packet.unknowns


def test_a_name_is_declared_once():
    with pytest.raises(ValueError, match="declared twice"):
        declare(Field("dport", 16, "again"))


def test_a_known_packet_touches_no_diagram():
    packet = Packet({"dport": 80})
    assert packet["dport"] == 80
    assert packet.unknowns._space is None


def test_a_witness_lies_in_its_region():
    unknowns = Unknowns(sizes={"src": 32})
    port, source, asked = unknowns.field("dport"), unknowns.field("src"), unknowns.ask(assumption("is it so"))
    region = bits.all_of([bits.between(port, 8000, 8010), bits.negate(bits.equal_masked(source, 0, -1)), asked])
    point = unknowns.witness(region)
    assert 8000 <= point.fields["dport"] <= 8010
    assert point.fields["src"] == point.value(source) != 0
    assert point.answers["is it so", None] == 1
    assert point.value(7) == 7


def test_a_witness_answers_questions_by_what_they_are_about():
    unknowns = Unknowns()
    port = unknowns.field("dport")
    blue = unknowns.ask(assumption("in set blue"), about=port)
    point = unknowns.witness(bits.both(bits.equal_masked(port, 80, -1), bits.negate(blue)))
    assert point.answers["in set blue", 80] == 0


def test_numbers_that_only_the_running_system_knows():
    unknowns = Unknowns()
    first, again = (unknowns.number("sport: which", "sport") for _ in range(2))
    other = unknowns.number("sport: which", "sport", about=9)
    assert first == again
    assert first != other
    assert unknowns.whatever_is_made_up(bits.equal_masked(first, 80, -1)) is True
    given = bits.equal_masked(unknowns.field("dport"), 80, -1)
    assert unknowns.whatever_is_made_up(given) == given


def test_a_region_whatever_the_answers():
    unknowns = Unknowns()
    given, asked = bits.equal_masked(unknowns.field("dport"), 80, -1), unknowns.ask(assumption("is it so"))
    assert unknowns.whatever_the_answers(bits.both(given, asked)) == given
    assert unknowns.whatever_the_answers(asked) is True
