"""The rows of tests/netfilter/test_tracking_*.py, asked of a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conversation import CHAINS, STATES, TELLING, any_packet, chunks, segments
from tests.netfilter.test_conntrack6 import (
    SPOILT_ERRORS,
    STATES_BY_PACKET,
    WITH_OTHER_PREFIXES,
    ping_and_error,
    sent_to,
)
from tests.netfilter.test_rpfilter6 import WAYS_BACK, from_eth1
from tests.netfilter.test_tracking_nat import TALKS as TRANSLATED
from tests.netfilter.test_tracking_nat import Talk
from tests.netfilter.test_tracking_sctp import TALKS as CHUNKS
from tests.netfilter.test_tracking_tcp import TALKS as SEGMENTS
from tests.oracle import wire
from tests.oracle.decode import decode
from tests.oracle.kernel import FLAVOURS, Fate, Firewall, Loaded, stay_on_one_cpu
from tests.oracle.test_kernel import pytestmark as pytestmark
from tests.oracle.topology import Link, Route, Site

SITE = Site(
    links=(
        Link("eth0", "02:00:00:00:00:01", "02:00:00:00:01:01", ("192.0.2.1/24", "2001:db8::1/64"), ()),
        Link("eth1", "02:00:00:00:00:02", "02:00:00:00:01:02", ("10.0.0.1/24", "fd00::1/64"), ()),
    ),
    routes=(Route("default", "eth0", "via 192.0.2.254"), Route("default", "eth0", "via 2001:db8::fe")),
)


@pytest.fixture(scope="module", params=FLAVOURS)
def firewall(request: pytest.FixtureRequest) -> Iterator[Firewall]:
    with stay_on_one_cpu(), Firewall(SITE, request.param) as opened:
        yield opened


def load(firewall: Firewall, *rules: str, family: int = 4) -> Loaded:
    text = ""
    for table, chains in CHAINS.items():
        named = [rule.removeprefix(f"{table} ") for rule in (*TELLING, *rules) if rule.startswith(f"{table} ")]
        text += f"*{table}\n" + "".join(f":{chain} ACCEPT [0:0]\n" for chain in chains.split())
        text += "".join(f"-A {rule}\n" for rule in named) + "COMMIT\n"
    return firewall.load(family, text)


@pytest.mark.parametrize(("said", "expected"), [talk[1:] for talk in SEGMENTS], ids=[talk[0] for talk in SEGMENTS])
def test_states(said: list[str], expected: list[str], firewall: Firewall) -> None:
    loaded = load(firewall)
    assert [state_of(firewall.send(segment, loaded)) for segment in segments(" ".join(said))] == expected


@pytest.mark.parametrize(("said", "expected"), [talk[1:] for talk in CHUNKS], ids=[talk[0] for talk in CHUNKS])
def test_sctp_states(said: list[str], expected: list[str], firewall: Firewall) -> None:
    loaded = load(firewall)
    assert [state_of(firewall.send(chunk, loaded)) for chunk in chunks(" ".join(said))] == expected


@pytest.mark.parametrize(("fields", "expected"), STATES_BY_PACKET, ids=str)
def test_icmp6_states(fields: dict[str, Any], expected: str, firewall: Firewall) -> None:
    loaded = load(firewall, family=6)
    packet = wire.Packet("fd00::9", "2001:db8::7", wire.ICMP6, "eth1", **fields)
    assert state_of(firewall.send(packet, loaded)) == expected[0]


@pytest.mark.parametrize(
    ("destination", "rule", "prefixes", "expected"),
    WITH_OTHER_PREFIXES,
    ids=["looped destination", "looped source", "port"],
)
def test_with_other_prefixes(destination: str, rule: str, prefixes: str, expected: str, firewall: Firewall) -> None:
    fate = firewall.send(sent_to(destination), load(firewall, rule, prefixes, family=6))
    assert _end(fate, expected) == expected


@pytest.mark.parametrize(("rules", "egress"), SPOILT_ERRORS)
def test_spoilt_errors(rules: list[str], egress: str | None, firewall: Firewall) -> None:
    loaded = load(firewall, *rules, family=6)
    end = [firewall.send(packet, loaded) for packet in ping_and_error()][-1].end
    assert (end and end.at) == egress


@pytest.mark.parametrize(("source", "options", "expected"), WAYS_BACK, ids=str)
def test_ways_back(source: str, options: str, expected: bool, firewall: Firewall) -> None:
    fate = firewall.send(from_eth1(source), load(firewall, f"raw PREROUTING -m rpfilter {options}", family=6))
    assert expected is (("raw", "PREROUTING", 1) in fate.hits)


def state_of(fate: Fate) -> str:
    (number,) = (rule for (table, chain, rule) in fate.hits if (table, chain) == ("mangle", "FORWARD") and rule)
    return STATES[number - 1][0]


@pytest.mark.parametrize("talk", TRANSLATED, ids=str)
def test_where_packets_go(talk: Talk, firewall: Firewall) -> None:
    loaded = load(firewall, *talk.rules)
    for said, expected in talk.lines():
        assert _end(firewall.send(any_packet(said), loaded), expected) == expected, said


def _end(fate: Fate, expected: str) -> str:
    """As in the rows: a port that is not written there is one that the kernel picks."""
    if fate.end is None:
        return "dropped"
    seen = decode(fate.end.raw)
    parts = [f"{seen[end]}:{seen[port]}" if port in seen else seen[end] for end, port in _ENDS]
    written = expected.split()[1::2]
    shown = [p if ":" in e else p.partition(":")[0] for p, e in zip(parts, written, strict=False)]
    return f"{fate.end.at} {' > '.join(shown)}"


_ENDS = (("src", "sport"), ("dst", "dport"))
