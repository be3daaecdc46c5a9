"""Copies of a packet that wait for each other."""

from ruleparse import bits
from ruleparse.openflow.fields import flow
from ruleparse.packet import Packet, Unknowns
from ruleparse.waiting import Waiting, one_more

TOS, TTL = flow("nw_tos"), flow("nw_ttl")


def test_those_that_go_on_together_keep_what_each_has():
    unknowns = Unknowns()
    here, there, *_ = unknowns.field(flow("in_port"))
    mine, theirs = bits.both(here, there), bits.without(there, here)
    one = Waiting("pass", TTL, mine, here, Packet({TOS: 1, TTL: 64}, unknowns))
    others = Waiting("pass", TTL, theirs, bits.negate(here), Packet({TOS: 2, TTL: 64}, unknowns))
    together = one.with_others(others)
    assert together.when == there
    assert together.packet[TTL] == 64
    assert [bits.constant(together.packet[TOS], where) for where in (mine, theirs)] == [1, 2]


def test_what_holds_of_few_fields_tells_some_from_others():
    unknowns = Unknowns()
    mark, tos = unknowns.field(flow("in_port"))[0], unknowns.field(TOS)[0]
    assert unknowns.told_apart(bits.both(mark, tos), bits.without(tos, mark)) == mark


def test_copies_are_counted_where_they_are():
    unknowns = Unknowns()
    here = unknowns.field(flow("in_port"))[0]
    counted: list[bits.Bool] = []
    assert one_more(counted, True) == 1
    assert one_more(counted, here) == 2
    third = one_more(counted, True)
    assert [bits.constant(third, where) for where in (here, bits.negate(here))] == [3, 2]
