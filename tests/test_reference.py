"""The evaluator against a naive one, and answers about one packet against answers about many."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.evaluate import walk
from ruleparse.packet import FIELDS, Packet, Unknowns
from ruleparse.program import Action, Add, Call, Copy, Goto, Masked, Return, Rule, Set, Stop, Table
from ruleparse.snapshot import load
from ruleparse.spec import asked
from tests import reference
from tests.places import CORPORA

# Small programs made up on the spot: tables T0 to T4, each calling only later ones

NAMES = ("sport", "dport", "mark")
COUNT = 5


def small(width: int = 3) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << width) - 1)


def rules_of(table: int) -> st.SearchStrategy[list[Rule]]:
    fields = st.sampled_from(NAMES)
    changes = [
        st.builds(Set, fields, small(), st.sampled_from([-1, 1, 2, 6])),
        st.builds(Copy, fields, fields, st.sampled_from([-1, 6]), st.sampled_from([-1, 3]), st.integers(-1, 1)),
        st.builds(lambda f, n: Add(f, n, 0, 7), fields, st.sampled_from([-2, -1, 1, 3])),
    ]
    later = [f"T{n}" for n in range(table + 1, COUNT)]
    if later:
        changes.append(st.builds(Call, st.sampled_from(later), st.sampled_from([(), ("accept",), ("accept", "drop")])))
    ends = [st.just(Return()), st.builds(Stop, st.sampled_from(["accept", "drop", "reject"]))]
    if later:
        ends.append(st.builds(Goto, st.sampled_from(later)))
    tests = st.lists(st.builds(Masked, fields, small(), st.sampled_from([-1, 7, 3, 1]), st.booleans()), max_size=2)
    actions = st.tuples(st.lists(st.one_of(changes), max_size=2), st.lists(st.one_of(ends), max_size=1))
    rule = st.builds(lambda t, a: Rule(tuple(t), (*a[0], *a[1])), tests, actions)
    return st.lists(rule, max_size=4)


POLICIES: list[Action] = [Return(), Stop("accept"), Stop("drop")]


def table_of(number: int) -> st.SearchStrategy[Table]:
    default = st.sampled_from(POLICIES).map(lambda action: Rule((), (action,)))
    return st.builds(
        lambda rules, d, base: Table(f"T{number}", rules, d, base), rules_of(number), default, st.booleans()
    )


PROGRAMS = st.tuples(*map(table_of, range(COUNT))).map(lambda tables: {t.name: t for t in tables})
VALUES = st.fixed_dictionaries({name: small() for name in NAMES})


@settings(max_examples=300)
@given(PROGRAMS, VALUES)
def test_a_known_packet_walks_as_the_naive_one_does(program, values):
    expected = reference.walk(program, "T0", values)
    found = walk(program, "T0", Packet(values))
    (end,) = found.ends
    assert [hit.rule for hit in found.hits] == expected.hits
    assert (end.stop.verdict, end.stop.reason, end.stop.detail) == expected.end
    assert end.packet.values == expected.packet


@settings(max_examples=150)
@given(PROGRAMS, VALUES, st.sets(st.sampled_from(NAMES), min_size=1))
def test_every_packet_of_a_set_walks_as_it_does_alone(program, values, unknown):
    """One walk with some fields unknown says of each of their values what a walk of that value says."""
    unknowns = Unknowns(sizes=dict.fromkeys(NAMES, 3))
    packet = Packet({n: v if n not in unknown else bits.number(unknowns.field(n)) for n, v in values.items()}, unknowns)
    found = walk(program, "T0", packet)
    expected = reference.walk(program, "T0", values)

    def here(condition: Bool) -> bool:
        return at(unknowns, values, condition)

    ends = [end for end in found.ends if here(end.when)]
    assert [(e.stop.verdict, e.stop.reason, e.stop.detail) for e in ends] == [expected.end]
    assert [hit.rule for hit in found.hits if here(hit.when)] == expected.hits
    for name, value in expected.packet.items():
        assert here(bits.equal_masked(ends[0].packet[name], value, -1))


def at(unknowns: Unknowns, values: dict[str, int], condition: Bool) -> bool:
    """What a condition is at one point."""
    if isinstance(condition, bool):
        return condition
    point = [(i, bool(values[place[0]] >> place[1] & 1)) for i, place in enumerate(unknowns.places) if place]
    return bool(condition.eval(point))


# Corpora


NODES = {
    "kube-proxy-1.34": (
        "eth0",
        ["10.96.33.14", "10.96.33.18", "203.0.113.10", "192.168.10.11", "10.244.2.9", "203.0.113.12"],
    ),
    "calico-after": ("calia7a3e029a7b", ["10.244.1.11", "10.244.1.10", "192.168.10.11", "198.51.100.1", "10.244.2.9"]),
    "docker-28": ("eth0", ["172.17.0.2", "172.18.0.3", "192.168.10.50", "198.51.100.9"]),
    "aws-vpc-cni": ("eni23b48d4277f", ["10.20.1.77", "198.51.100.9", "172.20.14.8", "10.20.1.50"]),
}
SOURCES = ["10.244.1.10", "198.51.100.7", "198.51.101.7", "192.168.10.11", "172.17.0.2", "10.20.1.71", "127.0.0.1"]
PORTS = ["80", "443", "8080", "9000", "30080", "30900", "53"]


@pytest.fixture(scope="module")
def programs():
    return {name: load([CORPORA / name]) for name in NODES}


@settings(max_examples=60)
@given(st.data())
def test_corpora_walk_as_the_naive_one_says(programs, data):
    name = data.draw(st.sampled_from(sorted(NODES)))
    device, destinations = NODES[name]
    spec = {
        "in": device,
        "src": data.draw(st.sampled_from(SOURCES)),
        "dst": data.draw(st.sampled_from(destinations)),
        "proto": data.draw(st.sampled_from(["tcp", "udp"])),
        "sport": "40000",
        "dport": data.draw(st.sampled_from(PORTS)),
        "ttl": data.draw(st.sampled_from(["64", "1"])),
        "tos": "0",
        "length": "60",
    }
    program, packet = programs[name].program(4), asked(spec, 4).packet
    try:
        expected = reference.walk(program, "arrive", {k: v for k, v in packet.values.items() if isinstance(v, int)})
    except reference.Unsettled:
        assume(False)
    found = walk(program, "arrive", packet)
    (end,) = found.ends
    assert (end.stop.verdict, end.stop.reason, end.stop.detail) == expected.end
    assert [h.rule for h in found.hits] == expected.hits or _narrowed(found.hits, expected.hits)
    assert {k: v for k, v in end.packet.values.items() if v != FIELDS[k].default} == {
        k: v for k, v in expected.packet.items() if v != FIELDS[k].default
    }


def _narrowed(hits, expected) -> bool:
    """The same places: an index may have made a rule of its own of one that is lowered when it is asked for."""
    return [(h.rule.span, h.rule.number) for h in hits] == [(r.span, r.number) for r in expected]


# Answers about many packets hold for each of them


@settings(max_examples=25)
@given(st.data())
def test_an_answer_about_many_packets_holds_for_each(programs, data):
    from ruleparse.why import why

    name = data.draw(st.sampled_from(sorted(NODES)))
    device, destinations = NODES[name]
    source, destination = data.draw(st.sampled_from(SOURCES)), data.draw(st.sampled_from(destinations))
    port = data.draw(st.sampled_from(PORTS))
    known = {"in": device, "proto": "tcp", "sport": 40000, "src": source, "dst": destination}
    alone = why(programs[name], {**known, "dport": port})
    for wide in ({"dport": "1-65535"}, {"dport": port, "src": source.rpartition(".")[0] + ".0/24"}):
        many = why(programs[name], {**known, **wide})
        where = {"dport": port, "src": source}
        holding = [o for o in many.outcomes if holds(o.when, where)]
        assert fates(holding) == fates(alone.outcomes)


def fates(outcomes) -> list[tuple]:
    return sorted(
        (o.verdict, o.egress or "", o.reason or "", o.decided_by.line if o.decided_by else 0, round(o.probability, 4))
        for o in outcomes
    )


def holds(when, point: dict[str, str]) -> bool:
    """Whether a point lies in the rows of an answer."""
    if when is None:
        return True
    return any(all(within(point[key], text) for key, text in row.items()) for row in when)


def within(value: str, text: str) -> bool:
    from ruleparse.codec import address, prefix

    number = address if "." in value else int
    for part in text.split(","):
        low, dash, high = part.partition("-")
        if "/" in part:
            p = prefix(part)
            if address(value) & p.mask == p.value:
                return True
        elif number(low) <= number(value) <= number(high if dash else low):
            return True
    return False
