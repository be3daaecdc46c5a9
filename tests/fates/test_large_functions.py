"""Bits that have become large functions get names on the way; what `query` says must not depend on that."""

from unittest.mock import patch

from hypothesis import given, settings

from ruleparse.query.host import Packets, Wanted, query
from tests.query.test_laws import ASKED, DUMPS, fate_of, node

REACHES = Wanted(reaches="nat POSTROUTING")


def told(sets: list[Packets]) -> list[str]:
    return sorted(
        repr((fate_of(s), s.count, s.probability, [a.question for a in s.assumptions], sorted(map(repr, s.rewrites))))
        for s in sets
    )


@settings(max_examples=12)
@given(DUMPS)
def test_names_change_no_answer(rules):
    snapshot = node(rules.replace("-A POSTROUTING", "-A POSTROUTING -m mark ! --mark 0x1/0x1"))
    for wanted in (None, REACHES):
        plain = query(snapshot, ASKED, wanted).sets
        with patch("ruleparse.packet.LARGE", 1):
            named = query(snapshot, ASKED, wanted).sets
        assert told(list(plain)) == told(list(named))
