"""Sets of packets as rows of text: they say what the set says, and as a person would."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ruleparse.netfilter.fields  # noqa: F401 - declares the fields
from ruleparse import bits
from ruleparse.codec import address, interface_pattern, prefix
from ruleparse.interface_atoms import atoms
from ruleparse.packet import Unknowns
from ruleparse.sets.readable import ROWS, Rows
from ruleparse.sets.readable import rows as rows_of
from ruleparse.sets.shortest import shortest_rows


def rows(region: bits.Bool, unknowns: Unknowns, family: int = 4) -> Rows:
    """The rows of a region that is not everything."""
    found = rows_of(region, unknowns, family)
    assert found is not None
    return found


@pytest.fixture
def unknowns():
    return Unknowns(sizes={"src": 32, "dst": 32})


def port(unknowns, low, high):
    return bits.between(unknowns.field("dport"), low, high)


def source(unknowns, text):
    p = prefix(text)
    return bits.equal_masked(unknowns.field("src"), p.value, p.mask)


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        (lambda u: port(u, 80, 80), [{"dport": "80"}]),
        (lambda u: port(u, 8000, 8100), [{"dport": "8000-8100"}]),
        (lambda u: bits.either(port(u, 80, 80), port(u, 443, 445)), [{"dport": "80,443-445"}]),
        (lambda u: bits.negate(port(u, 80, 80)), [{"dport": "0-79,81-65535"}]),
        (lambda u: source(u, "10.0.0.0/8"), [{"src": "10.0.0.0/8"}]),
        (lambda u: source(u, "10.0.0.1"), [{"src": "10.0.0.1"}]),
        (lambda u: bits.either(source(u, "10.0.0.0/8"), source(u, "192.0.2.1")), [{"src": "10.0.0.0/8,192.0.2.1"}]),
        (lambda u: bits.both(source(u, "10.0.0.0/8"), port(u, 1, 9)), [{"src": "10.0.0.0/8", "dport": "1-9"}]),
        (lambda u: bits.any_bit(u.field("mark"), 1), [{"mark": "0x1/0x1"}]),
        (lambda u: bits.equal_masked(u.field("proto"), 6, -1), [{"proto": "tcp"}]),
        (lambda u: bits.equal_masked(u.field("src_mac"), 1, -1), [{"src_mac": "00:00:00:00:00:01"}]),
    ],
)
def test_regions_as_rows(region, expected, unknowns):
    assert rows(region(unknowns), unknowns).rows == expected


def test_everything_and_nothing(unknowns):
    assert rows_of(True, unknowns, 4) is None
    assert rows(False, unknowns).rows == []


def test_many_rows_are_cut(unknowns):
    same = bits.equal(unknowns.field("sport")[:8], unknowns.field("dport")[:8])
    found = rows(same, unknowns)
    assert len(found.rows) == ROWS
    assert found.more


spans = st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 300)), min_size=1, max_size=4)


@settings(max_examples=60)
@given(spans, spans, st.integers(0, 65535), st.integers(0, 65535))
def test_rows_hold_what_the_region_holds(sources, ports, sport, dport):
    unknowns = Unknowns()
    fields = [unknowns.field("sport"), unknowns.field("dport")]
    region = bits.differ(
        bits.any_of(bits.between(fields[0], low, low + size) for low, size in sources),
        bits.any_of(bits.between(fields[1], low, low + size) for low, size in ports),
    )
    inside = any(a <= sport <= a + n for a, n in sources) is not any(a <= dport <= a + n for a, n in ports)
    found = rows(region, unknowns)
    holding = [row for row in found.rows if holds(row, {"sport": sport, "dport": dport})]
    assert len(holding) == inside or found.more


def holds(row, point):
    return all(
        any(
            int(low) <= point[name] <= int(high or low)
            for low, _, high in (part.partition("-") for part in text.split(","))
        )
        for name, text in row.items()
    )


@pytest.mark.parametrize(
    ("patterns", "text"),
    [
        (["eth0"], "eth0"),
        (["eth+"], "eth0, eth+ except eth0"),
        (["lo", "eth0"], "eth0, lo"),
        (["lo", "eth+"], "eth0, lo, eth+ except eth0"),
        ([], "any other interface"),
    ],
)
def test_interfaces_are_told_by_the_names_that_rules_give(patterns, text):
    known = atoms(["eth0", "lo", "eth+"])
    unknowns = Unknowns(choices=lambda: [a.value for a in known])
    named = [bits.equal_masked(unknowns.number("in", "in"), *interface_pattern(p)) for p in patterns or ["eth+", "lo"]]
    region = bits.any_of(named) if patterns else bits.negate(bits.any_of(named))
    found = rows_of(region, unknowns, 4, lambda: [a.text for a in known])
    assert found is not None
    assert [row["in"] for row in found.rows] == [text]


def test_addresses_of_ipv6():
    unknowns = Unknowns()
    region = bits.equal_masked(unknowns.field("dst"), address("fd00::"), (1 << 128) - (1 << 64))
    assert rows(region, unknowns, 6).rows == [{"dst": "fd00::/64"}]


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        # bits in the middle that may be anything
        (lambda u: bits.equal_masked(u.field("src"), address("10.0.0.5"), 0xFFFFFFDF), "10.0.0.5,10.0.0.37"),
        (lambda u: bits.equal_masked(u.field("dport"), 0x50, 0xFFFB), "80,84"),
        (lambda u: bits.equal_masked(u.field("src"), 5, 0xFF), "0.0.0.5/0.0.0.255"),
    ],
)
def test_masks_that_are_no_prefixes(region, expected, unknowns):
    assert list(rows(region(unknowns), unknowns).rows[0].values()) == [expected]


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        (lambda u: bits.negate(port(u, 80, 80)), {"dport": "any except 80"}),
        (lambda u: bits.negate(port(u, 80, 83)), {"dport": "any except 80-83"}),
        (lambda u: bits.negate(port(u, 79, 82)), {"dport": "any except 79-82"}),
        (lambda u: bits.negate(bits.either(port(u, 22, 22), port(u, 65534, 65534))), {"dport": "any except 22,65534"}),
        (lambda u: bits.negate(bits.either(port(u, 1, 1), port(u, 0xFFFF, 0xFFFF))), {"dport": "0,2-65534"}),
        (lambda u: bits.negate(port(u, 0, 79)), {"dport": "80-65535"}),
        (lambda u: bits.negate(source(u, "10.0.0.0/8")), {"src": "any except 10.0.0.0/8"}),
        (lambda u: bits.negate(source(u, "10.0.0.1")), {"src": "any except 10.0.0.1"}),
    ],
)
def test_values_are_told_by_the_others_where_those_are_fewer(region, expected, unknowns):
    found = rows_of(region(unknowns), unknowns, 4, negations=True)
    assert found is not None
    assert found.rows == [expected]


def test_the_order_of_fields_is_that_of_the_fewest_rows():
    unknowns = Unknowns(sizes={"src": 32, "dst": 32})
    region = bits.any_of(
        bits.both(port(unknowns, 80 + n, 80 + n), bits.between(unknowns.field("src"), n, n + 3)) for n in range(4)
    )
    by_source, by_port = (("src", "dport"), ("dport", "src"))
    for orders in ([by_source, by_port], [by_port, by_source]):
        found = shortest_rows(region, unknowns, 4, tuple, 100, orders)
        assert found is not None
        assert not found.more
        assert [row["dport"] for row in found.rows] == ["80", "81", "82", "83"]
