"""Which packets could change fate between two nodes: `diff` walks no others, so none may be missing."""

from collections.abc import Iterable
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleparse import bits
from ruleparse.changes.host import COMPARED, Change, _Comparison, difference
from ruleparse.codec import address
from ruleparse.netfilter.differing import differing
from ruleparse.snapshot import Snapshot, load
from tests.query.test_laws import ASKED, FILTER, NAT, fate_of, node, saved


def alike_but_for_one_chain(drawn: tuple) -> tuple[str, str]:
    """Two dumps that have all chains in common but one, or a policy."""
    (filters, nats, drops), (other_filters, other_nats, other_drops), which = drawn
    chains, others = [*filters, *nats], [*other_filters, *other_nats]
    if which == len(chains):
        return saved((filters, nats, drops)), saved((filters, nats, other_drops))
    changed = [others[n] if n == which else chain for n, chain in enumerate(chains)]
    return saved((filters, nats, drops)), saved((changed[: len(filters)], changed[len(filters) :], drops))


PARTS = st.tuples(FILTER, NAT, st.booleans())
PAIRS = st.tuples(PARTS, PARTS, st.integers(0, 6)).map(alike_but_for_one_chain)


def told(changes: Iterable[Change]) -> set[tuple[object, ...]]:
    return {(fate_of(c.before), fate_of(c.after), c.after.count, c.after.probability, *c.fields) for c in changes}


@settings(max_examples=30)
@given(PAIRS)
def test_nothing_is_lost_where_only_packets_concerned_are_compared(pair):
    before, after = map(node, pair)
    found = difference(before, after, ASKED).changes
    with patch("ruleparse.changes.host.differing_rules", return_value=None):
        whole = difference(before, after, ASKED).changes
    assert told(found) == told(whole)


def places(one: str, other: str) -> tuple[list[int], list[int]]:
    """The lines of each of two `iptables-save` texts that the other has not."""
    sides = node(one), node(other)
    found = differing(*(side.program(4) for side in sides))
    assert found is not None
    texts = [side.dumps[0].source for side in sides]
    mine, others = (
        sorted(source.line_of(place) for starts in side.values() for place in starts)
        for side, source in zip(found, texts, strict=True)
    )
    return mine, others


FORWARD = "*filter\n:FORWARD ACCEPT [0:0]\n:X - [0:0]\n{}\nCOMMIT\n"


@pytest.mark.parametrize(
    ("before", "after", "mine", "others"),
    [
        ("-A FORWARD -j X", "-A FORWARD -j X", [], []),
        ("[3:4] -A FORWARD -j X", "-A FORWARD -j X", [], []),
        ("-A FORWARD -j X", "-A FORWARD -s 10.0.0.2/32 -j DROP\n-A FORWARD -j X", [], [4]),
        ("-A FORWARD -j X\n-A X -j DROP", "-A FORWARD -j X\n-A X -j RETURN", [5], [5]),
        # neighbours that no packet can meet both
        ("-A FORWARD -d 10.0.0.2/32 -j X\n-A FORWARD -d 10.0.0.3/32 -j DROP",
         "-A FORWARD -d 10.0.0.3/32 -j DROP\n-A FORWARD -d 10.0.0.2/32 -j X", [], []),
        ("-A FORWARD -d 10.0.0.2/32 -j X\n-A FORWARD -d 10.0.0.2/32 -j DROP",
         "-A FORWARD -d 10.0.0.2/32 -j DROP\n-A FORWARD -d 10.0.0.2/32 -j X", [4], [5]),
        ("-A FORWARD -s 10.0.0.2/32 -j X\n-A FORWARD -s 10.0.0.3/32 -j DROP",
         "-A FORWARD -s 10.0.0.3/32 -j DROP\n-A FORWARD -s 10.0.0.2/32 -j X", [4], [5]),
    ],
)  # fmt: skip
def test_rules_that_differ(before, after, mine, others):
    assert places(FORWARD.format(before), FORWARD.format(after)) == (mine, others)


def test_a_policy_is_a_rule():
    assert places(FORWARD.format(""), FORWARD.replace("ACCEPT", "DROP").format("")) == ([2], [2])


def with_sets(folder, rules: str, members: str) -> Snapshot:
    folder.mkdir()
    (folder / "iptables-save.txt").write_text(rules)
    (folder / "ipset-save.txt").write_text(f"create friends hash:ip family inet\n{members}")
    return load([folder])


def test_rules_differ_that_name_a_set_which_does(tmp_path):
    rules = FORWARD.format("-A FORWARD -m set --match-set friends src -j X\n-A FORWARD -j X")
    sides = [
        with_sets(tmp_path / name, rules, "".join(f"add friends 10.0.0.{n}\n" for n in members))
        for name, members in {"a": (1, 2), "b": (2, 1), "c": (1, 2, 3)}.items()
    ]
    same = differing(sides[0].program(4), sides[1].program(4))
    other = differing(sides[0].program(4), sides[2].program(4))
    assert same == ({}, {})
    assert other is not None
    assert [list(side) for side in other] == [["filter FORWARD"]] * 2


SERVICES = """*nat
:PREROUTING ACCEPT [0:0]
:SERVICES - [0:0]
{}
-A PREROUTING -j SERVICES
{}
COMMIT
*filter
:FORWARD ACCEPT [0:0]
:POD - [0:0]
-A FORWARD -o b -j POD
{}
COMMIT
"""


def cluster(endpoints: dict[str, str], policy: str = "-A POD -s 10.0.0.7/32 -j DROP") -> Snapshot:
    """A node with one service for each address, and a policy for the pods behind interface b."""
    names = {service: f"SVC-{service.replace('.', '-')}" for service in endpoints}
    rules = [f"-A SERVICES -d {service}/32 -p tcp -m tcp --dport 80 -j {name}" for service, name in names.items()]
    rules += [f"-A {name} -p tcp -j DNAT --to-destination {endpoints[s]}:8080" for s, name in names.items()]
    chains = "\n".join(f":{name} - [0:0]" for name in names.values())
    return node(SERVICES.format(chains, "\n".join(rules), policy))


BEFORE = {"10.96.0.1": "10.0.1.5", "10.96.0.2": "10.9.0.2", "10.96.0.3": "10.9.0.3"}


@pytest.mark.parametrize(
    ("after", "policy", "concerned"),
    [
        ({"10.96.0.2": "10.9.0.9"}, {}, ["10.96.0.2"]),
        # a policy of pods concerns those who go there, also by a service
        ({}, {"policy": "-A POD -s 10.0.0.8/32 -j DROP"}, ["10.96.0.1", "10.0.1.5"]),
    ],
)
def test_who_is_concerned(after, policy, concerned):
    sides = cluster(BEFORE), cluster({**BEFORE, **after}, **policy)
    comparison = _Comparison(*sides, {"in": "a", "proto": "tcp", "dport": "80"}, list(COMPARED.values()), 1 << 20)
    region = comparison.concerned()
    to = comparison.question.packet["dst"]
    hosts = [*BEFORE, *BEFORE.values()]
    assert [h for h in hosts if bits.both(region, bits.equal_masked(to, address(h), -1)) is not False] == concerned
